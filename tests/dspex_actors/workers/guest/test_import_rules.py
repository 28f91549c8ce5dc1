"""Import rules: which modules and names are allowed, and why others are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspex_actors.workers.guest._import_rules import ImportRules

RULES = ImportRules(
    allow=("math", "time:sleep", "time:*_ns", "numpy.*", "json", "pkg:_spelled_out"),
    forbid=("json:load", "numpy.ctypeslib", "numpy.*:from*"),
)


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("math", True),
        ("time", True),
        ("json", True),
        ("json.decoder", False),
        ("numpy", False),
        ("numpy.linalg", True),
        ("numpy.ctypeslib", False),
        ("numpy.ctypeslib.deep", False),
        ("os", False),
        ("mathx", False),
    ],
)
def test_a_module_is_allowed_by_an_entry_and_refused_by_a_forbidden_parent(module, allowed):
    assert RULES.allows_module(module) is allowed


@pytest.mark.parametrize(
    ("module", "name", "allowed"),
    [
        ("math", "pi", True),
        ("math", "_hidden", False),
        ("time", "sleep", True),
        ("time", "time_ns", True),
        ("time", "time", False),
        ("json", "loads", True),
        ("json", "load", False),
        ("numpy.linalg", "norm", True),
        ("numpy.linalg", "fromfile", False),
        ("pkg", "_spelled_out", True),
        ("pkg", "_other", False),
        ("os", "system", False),
    ],
)
def test_a_name_is_allowed_by_its_module_or_by_itself_unless_forbidden(module, name, allowed):
    assert RULES.allows_name(module, name) is allowed


def test_a_refusal_says_which_rule_forbids():
    assert (
        RULES.module_refusal("numpy.ctypeslib")
        == "module 'numpy.ctypeslib' is forbidden by the rule 'numpy.ctypeslib'"
    )
    assert RULES.name_refusal("json", "load") == "json.load is forbidden by the rule 'json:load'"


def test_a_refusal_says_what_is_missing_from_the_list():
    assert RULES.module_refusal("os") == "module 'os' is not on the list of allowed modules"
    assert RULES.name_refusal("time", "time") == "time.time is not on the list of allowed names"


def test_everything_allowed_but_one_module_suits_the_full_language():
    rules = ImportRules(allow=("*",), forbid=("ctypes", "os:system"))
    assert rules.allows_name("os", "path")
    assert not rules.allows_name("os", "system")
    assert not rules.allows_module("ctypes.util")


def test_widening_keeps_the_old_entries_and_lets_new_bans_win():
    wider = RULES.widened(allow=("os",), forbid=("math",))
    assert wider.allows_module("os")
    assert wider.allows_module("json")
    assert not wider.allows_module("math")
    assert RULES.allows_module("math")


@pytest.mark.parametrize("entry", ["", ":name", "module:"])
def test_an_entry_without_a_module_or_with_an_empty_name_is_an_error(entry):
    with pytest.raises(ValueError, match="expected 'module' or 'module:name'"):
        ImportRules(forbid=(entry,))


def test_equal_entries_make_equal_rules():
    assert ImportRules(allow=("a", "b:c")) == ImportRules(allow=("a", "b:c"))
    assert hash(ImportRules(allow=("a",))) == hash(ImportRules(allow=("a",)))


@given(st.text("ab.", min_size=1, max_size=8), st.text("ab_", min_size=1, max_size=4))
def test_without_allowed_entries_nothing_is_allowed(module, name):
    assert not ImportRules().allows_module(module)
    assert not ImportRules(forbid=("x",)).allows_name(module, name)

"""Which states are loaded: of the same version, or one that can be migrated, and beside which packages."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dspex_actors import ConfigError
from dspex_actors.modules import IncompatibleVersionError
from dspex_actors.modules._compatibility import Age, age_of, changes_between, migrated, versions_of
from dspex_actors.state import MigrationGraph, Step


@pytest.mark.parametrize(
    ("saved", "current", "age"),
    [
        ("1.0.0", "1.0.0", Age.SAME),
        ("1.0", "1.0.0", Age.SAME),
        ("1.9", "1.10", Age.OLDER),
        ("1.10", "1.9", Age.NEWER),
        ("2.0rc1", "2.0", Age.OLDER),
        ("2.0.post1", "2.0", Age.NEWER),
        ("1!1.0", "2.0", Age.NEWER),
    ],
)
def test_versions_are_compared_as_versions_and_not_as_texts(saved, current, age):
    assert age_of(saved, current) is age


@pytest.mark.parametrize("wrong", ["", "latest", None, 1, "1..0"])
def test_what_is_no_version_is_refused_by_name(wrong):
    with pytest.raises(ConfigError, match="version"):
        age_of("1.0", wrong)


def test_a_state_of_the_same_version_is_taken_as_it_is():
    state = {"n": 1}
    assert migrated(state, "1.0", "1.0.0", None, None) is state


@pytest.mark.parametrize(
    ("saved", "reason"),
    [("1.0", "older, and there is no way"), ("3.0", "newer; load it with that version")],
)
def test_a_version_from_which_no_way_leads_is_refused(saved, reason):
    with pytest.raises(IncompatibleVersionError, match=reason) as caught:
        migrated({}, saved, "2.0", None, None)
    assert (caught.value.saved, caught.value.current) == (saved, "2.0")


def test_a_newer_state_is_refused_even_where_a_way_back_is_known():
    graph = MigrationGraph([Step("1.0", "2.0", up=dict, down=dict)])

    with pytest.raises(IncompatibleVersionError, match="newer"):
        migrated({}, "2.0", "1.0", graph, lambda _old, state: state)


def test_a_graph_of_migrations_leads_to_the_current_version_and_leaves_the_state_alone():
    graph = MigrationGraph(
        [
            Step("1.0", "1.1", up=lambda state: {"count": state.pop("n")}),
            Step("1.1", "2.0", up=lambda state: state | {"tags": []}),
        ]
    )
    state = {"n": 1}

    assert migrated(state, "1.0", "2.0", graph, None) == {"count": 1, "tags": []}
    assert state == {"n": 1}


def test_the_code_change_of_a_class_gets_the_old_version_and_a_copy():
    state, seen = {"n": [1]}, []

    def code_change(old, given):
        seen.append(old)
        given["n"].append(2)
        return given

    assert migrated(state, "1.0", "2.0", None, code_change) == {"n": [1, 2]}
    assert (seen, state) == (["1.0"], {"n": [1]})


def test_migrations_that_are_given_come_before_the_code_change_of_the_class():
    migrations = SimpleNamespace(migrate=lambda *_: SimpleNamespace(state="migrated"))
    assert migrated({}, "1.0", "2.0", migrations, lambda *_: "changed") == "migrated"


@pytest.mark.parametrize(
    ("code_change", "reason"), [(lambda *_: None, "returned None"), (lambda *_: 1 / 0, "ZeroDivisionError")]
)
def test_a_migration_that_fails_is_told_with_its_reason(code_change, reason):
    with pytest.raises(IncompatibleVersionError, match=reason):
        migrated({}, "1.0", "2.0", None, code_change)


def test_the_versions_of_what_is_installed_are_noted_and_of_what_is_not():
    found = versions_of(["numpy", "no-such-package"])

    assert found.keys() == {"python", "dspex-actors", "numpy", "no-such-package"}
    assert all(found[name] for name in ("python", "dspex-actors", "numpy"))
    assert found["no-such-package"] == ""


@pytest.mark.parametrize(
    ("saved", "now", "changes"),
    [
        ({}, {}, ()),
        ({"a": "1"}, {"a": "1"}, ()),
        ({"a": "1"}, {"a": "2"}, (("a", "1", "2"),)),
        ({"b": "1", "a": "1"}, {}, (("a", "1", ""), ("b", "1", ""))),
        ({}, {"a": "1"}, (("a", "", "1"),)),
        ({"a": ""}, {}, ()),
    ],
)
def test_packages_that_differ_are_listed_with_both_versions(saved, now, changes):
    assert changes_between(saved, now) == changes

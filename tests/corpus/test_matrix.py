"""The corpus and its matrix as data: complete, consistent, and what the attack page shows."""

from __future__ import annotations

import ast
import re
from collections import Counter

import pytest

from dspex_actors._policy import ESSENTIAL_LAYERS, LAYERS
from tests.corpus import _table
from tests.corpus._matrix import Cell, Machine, load_matrix

MATRIX = load_matrix()


def test_the_corpus_holds_all_its_entries_in_all_its_classes():
    assert len(MATRIX.entries) == 88
    assert len({entry.kind for entry in MATRIX.entries.values()}) == 29
    assert Counter(profile for entry in MATRIX.entries.values() for profile in entry.profiles) == {
        "strict": 34,
        "process": 69,
        "shell": 79,
    }


def test_what_is_tried_in_the_full_language_is_tried_where_guests_start_programs_as_well():
    left_out = [
        entry.id
        for entry in MATRIX.entries.values()
        if "process" in entry.profiles and "shell" not in entry.profiles
    ]
    assert left_out == []


def test_only_attempts_to_start_something_are_granted_and_only_to_guests_who_may():
    granted = {entry.id: entry.granted for entry in MATRIX.entries.values() if entry.granted}
    assert granted == {"bmb02": ("shell",), "imp01": ("shell",)}


@pytest.mark.parametrize("entry", MATRIX.entries.values(), ids=lambda entry: entry.id)
def test_every_entry_parses_is_run_somewhere_and_names_checks_that_exist(entry):
    assert ast.parse(entry.sample)
    assert entry.profiles
    assert set(entry.profiles) <= set(MATRIX.profiles)
    assert set(entry.must) <= set(MATRIX.meanings)
    assert {"reported", "next_ok"} <= set(entry.must)


def test_no_entry_holds_the_secret_or_a_placeholder_that_is_never_filled():
    left = {
        entry.id: entry.sample
        for entry in MATRIX.entries.values()
        if "CANARY" in entry.code or "@" in entry.sample
    }
    assert set(left) <= {"frg02"}  # whose forged result is marked with two of them


def test_every_check_is_asked_for_by_an_entry():
    asked = Counter(check for entry in MATRIX.entries.values() for check in entry.must)
    assert set(asked) == set(MATRIX.meanings)


def test_the_configurations_are_those_that_the_page_promises():
    assert set(MATRIX.configurations) == {
        "all_layers",
        "no_user_namespaces",
        "no_namespaces",
        "no_landlock",
        "neither",
        "non_root",
        "root",
    }


@pytest.mark.parametrize("name", MATRIX.configurations)
def test_what_a_configuration_lacks_is_what_is_switched_off_and_what_depends_on_it(name):
    configuration = MATRIX.configurations[name]
    for is_root in (True, False):
        assert set(configuration.disabled) <= configuration.lacking(is_root=is_root) <= set(LAYERS)
    assert configuration.disabled or not configuration.lacking(is_root=True)
    assert "seccomp" not in configuration.disabled  # by it the runner tells what a guest has started


@pytest.mark.parametrize("rule", MATRIX.may, ids=lambda rule: rule.id)
def test_a_leak_for_want_of_a_layer_is_expected_only_where_the_layer_can_be_missing(rule):
    powers = {f"cgroup:{power}" for power in ("memory", "processes")}
    assert set(rule.without) <= {*LAYERS, *powers}
    for name in rule.configurations:
        configuration = MATRIX.configurations[name]
        lacking = {*powers, *configuration.lacking(is_root=True), *configuration.lacking(is_root=False)}
        assert set(rule.without) <= lacking


@pytest.mark.parametrize("rule", MATRIX.may, ids=lambda rule: rule.id)
def test_a_leak_is_expected_on_a_machine_that_lacks_the_layers_and_on_no_other(rule):
    bare = Machine(is_root=False, active=frozenset())
    assert rule.holds_on(bare)
    assert rule.holds_on(bare._replace(is_root=True)) is not rule.unless_root
    assert rule.holds_on(bare._replace(owns_library=False)) is not rule.if_owned
    for layer in rule.without:
        assert not rule.holds_on(Machine(is_root=False, active=frozenset({layer})))


MACHINES = [
    Machine(is_root=is_root, active=frozenset(active))
    for is_root in (True, False)
    for active in ([], LAYERS, [*LAYERS, "cgroup:memory", "cgroup:processes"])
]


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: f"{machine.is_root}-{len(machine.active)}")
def test_each_single_leak_of_a_cell_is_worse_than_expected_unless_a_rule_allows_it_there(machine):
    for cell in MATRIX.cells():
        held = dict.fromkeys(MATRIX.entries[cell.entry].must, "")
        allowed = MATRIX.may_fail(cell, machine)
        for check in MATRIX.checks_of(cell):
            verdict = MATRIX.judge(cell, {**held, check: "something"}, machine)
            assert len(verdict.worse) == (0 if check in allowed else 1), (cell, check)
            assert verdict.better.keys() == allowed.keys() - {check}
        assert MATRIX.judge(cell, held, machine) == ([], allowed)


def test_a_host_that_fell_silent_is_worse_than_expected_in_every_cell():
    bare = Machine(is_root=False, active=frozenset())
    for cell in MATRIX.cells():
        assert MATRIX.judge(cell, dict.fromkeys(MATRIX.checks_of(cell), "silent"), bare).worse


def test_a_check_that_was_not_made_is_no_check_that_holds():
    cell = Cell("all_layers", "process", "fil03")
    with pytest.raises(KeyError):
        MATRIX.judge(cell, {}, Machine(is_root=True, active=frozenset()))


def test_a_profile_may_start_nothing_only_where_its_kill_would_not_be_reliable():
    assert {(refusal.profile, refusal.layer) for refusal in MATRIX.refusals} == {("shell", "reliable_kill")}
    for refusal in MATRIX.refusals:
        for name in refusal.configurations:
            assert "pid_namespace" in MATRIX.configurations[name].lacking(is_root=False)
    assert MATRIX.may_refuse("all_layers", "shell") is None


@pytest.mark.parametrize("rule", MATRIX.may, ids=lambda rule: rule.id)
def test_every_expected_leak_speaks_of_checks_that_are_made_and_says_why(rule):
    cells = [
        Cell(configuration, profile, entry)
        for configuration in rule.configurations
        for profile in rule.profiles
        for entry in rule.entries
    ]
    assert rule.why
    assert all(rule.id in {may.id for may in MATRIX.may_fail(cell).values()} for cell in cells)
    assert set(rule.checks) == {check for cell in cells for check in MATRIX.may_fail(cell)}


def test_with_the_essential_layers_on_nothing_that_contains_is_expected_to_leak():
    leaks = {
        str(cell): sorted(found)
        for cell in MATRIX.cells()
        if cell.configuration in MATRIX.never_in and (found := set(MATRIX.may_fail(cell)) & set(MATRIX.never))
    }
    assert leaks == {}
    assert {"all_layers", "no_user_namespaces", "no_namespaces"} <= set(MATRIX.never_in)
    assert all(not set(MATRIX.configurations[name].disabled) & ESSENTIAL_LAYERS for name in MATRIX.never_in)
    assert {"no_canary", "no_connect", "no_leftover"} <= set(MATRIX.never)


@pytest.mark.parametrize("page", ["CHANGELOG.md", "README.md", "docs/explanation/attacks.md"])
def test_pages_that_count_the_hostile_programs_count_right(page):
    text = (_table.PAGE.parents[2] / page).read_text(encoding="utf-8")
    assert {int(number) for number in re.findall(r"(\d+)\s+hostile\s+programs", text)} <= {
        len(MATRIX.entries)
    }


def test_the_table_on_the_attack_page_is_what_the_data_gives():
    page = _table.PAGE.read_text(encoding="utf-8")
    assert page == _table.rewritten(page), "run `make corpus`"

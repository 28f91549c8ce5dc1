"""The corpus and its matrix as data: complete, consistent, and what the attack page shows."""

from __future__ import annotations

import ast
import os
from collections import Counter

import pytest

from dspex_actors import Policy
from dspex_actors._policy import LAYERS
from dspex_actors.workers import zygote_config
from tests.corpus import _table
from tests.corpus._matrix import Cell, load_matrix

MATRIX = load_matrix()


def test_the_corpus_holds_all_its_entries_in_all_its_classes():
    assert len(MATRIX.entries) == 77
    assert len({entry.kind for entry in MATRIX.entries.values()}) == 26


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


def test_the_configurations_are_the_five_that_the_page_promises():
    assert set(MATRIX.configurations) == {
        "all_layers",
        "no_user_namespaces",
        "no_landlock",
        "non_root",
        "root",
    }


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
    assert {"all_layers", "no_user_namespaces"} <= set(MATRIX.never_in)
    assert {"no_canary", "no_connect", "no_leftover"} <= set(MATRIX.never)


def test_layers_that_do_not_exist_yet_can_be_switched_off(tmp_path):
    names = [name for row in MATRIX.configurations.values() for name in row.disabled]
    config = zygote_config(Policy(), os.fspath(tmp_path), names)

    assert set(config.disabled_layers) == set(names)
    assert "landlock" in LAYERS


def test_the_table_on_the_attack_page_is_what_the_data_gives():
    page = _table.PAGE.read_text(encoding="utf-8")
    assert page == _table.rewritten(page), "run `make corpus`"

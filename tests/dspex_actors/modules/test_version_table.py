"""Two versions are kept, the current one and the one before, and whatever is pinned."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from dspex_actors.modules import ModuleVersion, UnknownVersionError, VersionTakenError
from dspex_actors.modules._version_table import VersionTable, automatic_version


def version(number):
    return ModuleVersion(f"{number}.0", f"{number:064x}")


def labels(versions):
    return [each.version for each in versions]


FIRST = VersionTable("a", (version(1),))


def test_a_new_version_is_the_current_one_and_the_one_before_is_kept():
    table, dropped = FIRST.moved_to(version(2))
    assert (labels(table.kept), dropped) == (["2.0", "1.0"], ())


def test_the_third_version_drops_the_first():
    table, _ = FIRST.moved_to(version(2))
    table, dropped = table.moved_to(version(3))
    assert (labels(table.kept), labels(dropped)) == (["3.0", "2.0"], ["1.0"])


def test_a_pinned_version_is_kept_until_the_pin_is_taken_away():
    table, _ = FIRST.pinned("x", "1.0").moved_to(version(2))
    table, dropped = table.moved_to(version(3))
    assert (labels(table.kept), dropped) == (["3.0", "2.0", "1.0"], ())
    table, dropped = table.unpinned("x")
    assert (labels(table.kept), labels(dropped)) == (["3.0", "2.0"], ["1.0"])


def test_a_roll_back_drops_the_newer_version_unless_it_is_pinned():
    table, _ = FIRST.moved_to(version(2))
    back, dropped = table.rolled_back()
    assert (labels(back.kept), labels(dropped)) == (["1.0"], ["2.0"])
    back, dropped = table.pinned("x", "2.0").rolled_back()
    assert (labels(back.kept), dropped) == (["1.0", "2.0"], ())


def test_there_is_nothing_to_roll_back_to_behind_the_first_version():
    with pytest.raises(UnknownVersionError, match=r"no version before 1\.0; kept are 1\.0"):
        FIRST.rolled_back()


def test_a_version_that_is_not_kept_cannot_be_pinned():
    with pytest.raises(UnknownVersionError):
        FIRST.pinned("x", "2.0")


@pytest.mark.parametrize(("number", "digest", "refused"), [(1, 1, False), (1, 2, True), (2, 1, False)])
def test_a_label_means_one_source(number, digest, refused):
    if refused:
        with pytest.raises(VersionTakenError):
            FIRST.check_new(f"{number}.0", f"{digest:064x}")
    else:
        FIRST.check_new(f"{number}.0", f"{digest:064x}")


@given(st.binary(min_size=32, max_size=32))
@settings(max_examples=50)
def test_an_automatic_version_is_a_version_as_it_stands_and_sorts_behind_its_base(digest):
    label = automatic_version("1.2.0", digest.hex())
    assert str(Version(label)) == label
    assert Version("1.2.0") < Version(label) < Version("1.2.1")
    assert automatic_version(label, digest.hex()) == label


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("move"), st.integers(2, 6)),
        st.tuples(st.just("back"), st.none()),
        st.tuples(st.just("pin"), st.integers(1, 6)),
        st.tuples(st.just("unpin"), st.none()),
    ),
    max_size=12,
)


@given(STEPS)
@settings(max_examples=50)
def test_every_version_is_kept_or_dropped_once_and_pins_always_name_a_kept_one(steps):
    table, known = FIRST, {"1.0"}
    for step, argument in steps:
        dropped = ()
        try:
            if step == "move":
                table, dropped = table.moved_to(version(argument))
                known.add(f"{argument}.0")
            elif step == "back":
                table, dropped = table.rolled_back()
            elif step == "pin":
                table = table.pinned("x", f"{argument}.0")
            else:
                table, dropped = table.unpinned("x")
        except UnknownVersionError:
            continue
        known -= set(labels(dropped))
        assert set(labels(table.kept)) == known
        assert len(labels(table.kept)) == len(known)
        assert set(table.pins.values()) <= known
        assert 1 <= len(table.history) <= 2

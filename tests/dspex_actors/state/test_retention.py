"""What a policy of retention keeps, as a table, and page by page the same as at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspex_actors import ConfigError
from dspex_actors.state import Retention, Row
from dspex_actors.state import _snapshot_messages as messages
from dspex_actors.state._retention import superfluous
from tests.dspex_actors.state._backends import opened

NOW_US = 100_000_000


def rows(*ages_s):
    """Versions that old, in seconds, the newest first."""
    return [
        Row("a", len(ages_s) - place, "", NOW_US - int(age * 1_000_000), deleted=False, about=b"")
        for place, age in enumerate(ages_s)
    ]


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ({"versions": 1}, [5]),
        ({"versions": 3}, [5, 4, 3]),
        ({"versions": 9}, [5, 4, 3, 2, 1]),
        ({"seconds": 0}, [5]),
        ({"seconds": 5}, [5]),  # the newest one was the newest for these 5 seconds
        ({"seconds": 10}, [5]),  # it is 10 s old: before that another one was the newest
        ({"seconds": 10.5}, [5, 4]),
        ({"seconds": 20.5}, [5, 4, 3]),
        ({"seconds": 1000}, [5, 4, 3, 2, 1]),
        ({"versions": 2, "seconds": 20.5}, [5, 4, 3]),
        ({"versions": 4, "seconds": 20.5}, [5, 4, 3, 2]),
    ],
)
def test_a_version_goes_only_if_neither_rule_keeps_it(policy, kept):
    gone = superfluous(rows(10, 20, 30, 40, 50), Retention(**policy), now_us=NOW_US)
    assert sorted({1, 2, 3, 4, 5} - set(gone), reverse=True) == kept


@pytest.mark.parametrize(
    "wrong",
    [{}, {"versions": 0}, {"versions": 1.5}, {"versions": True}, {"seconds": -1}, {"seconds": float("nan")}],
)
def test_policies_that_keep_nothing_or_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError):
        Retention(**wrong)


@given(
    ages=st.lists(st.integers(0, 90), unique=True, max_size=20).map(sorted),
    versions=st.none() | st.integers(1, 8),
    seconds=st.none() | st.integers(0, 100),
)
def test_what_goes_is_the_oldest_part_and_never_the_newest_version(ages, versions, seconds):
    if versions is None and seconds is None:
        versions = 1
    listed = rows(*ages)
    gone = superfluous(listed, Retention(versions=versions, seconds=seconds), now_us=NOW_US)
    assert gone == [row.revision for row in listed][len(listed) - len(gone) :]
    assert len(gone) < max(1, len(listed))
    if versions is not None:
        assert len(listed) - len(gone) >= min(versions, len(listed))


@pytest.mark.parametrize("policy", [{"versions": 4}, {"seconds": 5}, {"versions": 2, "seconds": 5}])
def test_pages_are_pruned_as_if_all_versions_stood_on_one(monkeypatch, policy):
    counts = []
    for page in (1, 2, 3, 100):
        monkeypatch.setattr(messages._restoring, "PAGE", page)
        with opened(now_us=iter(range(1, 1_000_000_000, 1_000_000)).__next__) as states:
            for number in range(12):
                states.save("a", number)
            states.prune(Retention(**policy))
            counts.append([version.revision for version in states.list_versions("a")])
    assert counts == [counts[0]] * 4
    assert len(counts[0]) < 12


def test_a_dry_run_counts_what_would_go_and_removes_nothing():
    with opened() as states:
        for number in range(5):
            states.save("a", number)
        assert states.prune(Retention(versions=2), dry_run=True) == {"a": 3}
        assert len(states.list_versions("a")) == 5
        assert states.prune(Retention(versions=2)) == {"a": 3}


def test_deleted_ids_are_pruned_too_and_leave_their_deletion():
    with opened() as states:
        states.save("a", 1)
        states.delete("a")
        assert states.prune(Retention(versions=1), ids=["a"]) == {"a": 1}
        assert [version.deleted for version in states.list_versions("a")] == [True]

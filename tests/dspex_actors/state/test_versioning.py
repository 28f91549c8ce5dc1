"""Labels, revisions and times of versions, by tables and by histories that are drawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspex_actors import ConfigError, ValueEncodeError
from dspex_actors.serialization import content_hash
from dspex_actors.state import (
    Bump,
    HashBased,
    Incremental,
    Semantic,
    Timestamp,
    Version,
    VersionNotFoundError,
    bump_by_shape,
    next_version,
    select,
)
from dspex_actors.state._versioning import bumped, to_us

NOW = 1_767_323_045_000_006  # 2026-01-02T03:04:05.000006Z
STRATEGIES = [Timestamp(), HashBased(), Incremental(), Semantic()]


def saved(strategy, states, clock, **options):
    """Return the versions of saving these states at these times."""
    versions = []
    for state, now_us in zip(states, clock, strict=True):
        previous = versions[-1] if versions else None
        versions.append(next_version(strategy, state, previous=previous, now_us=now_us, **options))
    return versions


@pytest.mark.parametrize(
    ("strategy", "labels"),
    [
        (Timestamp(), [f"{NOW}", f"{NOW + 5}", f"{NOW + 9}"]),
        (HashBased(), [content_hash(state) for state in ("a", "b", "a")]),
        (Incremental(), ["1", "2", "3"]),
        (Semantic(), ["1.0.0", "1.0.1", "1.0.2"]),
        (Semantic(first="0.1.0"), ["0.1.0", "0.1.1", "0.1.2"]),
        (
            Semantic(rule=lambda before, after: Bump.MAJOR if before > after else Bump.MINOR),
            ["1.0.0", "1.1.0", "2.0.0"],
        ),
    ],
    ids=["timestamp", "hash_based", "incremental", "semantic", "semantic from elsewhere", "semantic by rule"],
)
def test_three_saves_are_labelled_by_their_strategy(strategy, labels):
    states = ["a", "b", "a"]
    versions = []
    for number, now_us in enumerate((NOW, NOW + 5, NOW + 9)):
        before = states[number - 1] if number else None
        version = next_version(
            strategy,
            states[number],
            previous=versions[-1] if versions else None,
            now_us=now_us,
            previous_state=lambda before=before: before,
        )
        versions.append(version)

    assert [version.label for version in versions] == labels
    assert [version.revision for version in versions] == [1, 2, 3]


@pytest.mark.parametrize(
    ("clock", "times", "behind"),
    [
        ([10, 20], [10, 20], [0, 0]),
        ([10, 10], [10, 11], [0, 1]),
        ([10, 9], [10, 11], [0, 2]),
        ([1000, 0, 500, 1001, 1003], [1000, 1001, 1002, 1003, 1004], [0, 1001, 502, 2, 1]),
        ([1000, 0, 2000], [1000, 1001, 2000], [0, 1001, 0]),
        ([-5, -4], [0, 1], [5, 5]),
    ],
    ids=["forward", "the same microsecond", "one back", "far back", "back and recovered", "before 1970"],
)
@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: type(strategy).__name__)
def test_times_go_forward_although_the_clock_steps_back(strategy, clock, times, behind):
    versions = saved(strategy, clock, clock)

    assert [version.saved_us for version in versions] == times
    assert [version.clock_behind_us for version in versions] == behind


def test_timestamp_labels_sort_as_they_were_saved_although_the_clock_steps_back():
    labels = [version.label for version in saved(Timestamp(), range(4), [NOW, NOW - 10**9, 5, NOW])]

    assert labels == sorted(labels)
    assert labels == [str(NOW + n) for n in range(4)]
    assert {len(label) for label in labels} == {16}


clocks = st.lists(st.integers(-5, 40), min_size=1, max_size=12)


@given(clock=clocks, strategy=st.sampled_from(STRATEGIES))
def test_revisions_and_times_only_grow_in_any_history(clock, strategy):
    versions = saved(strategy, clock, clock)

    assert [version.revision for version in versions] == list(range(1, len(clock) + 1))
    times = [version.saved_us for version in versions]
    assert times == sorted(set(times))
    assert [
        time - behind for time, behind in zip(times, [v.clock_behind_us for v in versions], strict=True)
    ] == clock


@given(states=st.lists(st.sampled_from([{"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": True}, [1]]), min_size=2))
def test_hash_labels_are_equal_exactly_where_the_states_are(states):
    versions = saved(HashBased(), states, range(len(states)))

    for left, one in zip(versions, states, strict=True):
        for right, other in zip(versions, states, strict=True):
            assert (left.label == right.label) == (content_hash(one) == content_hash(other))
            assert left.label == right.label or one != other


@pytest.mark.parametrize(
    ("label", "bump", "after"),
    [
        ("1.2.3", Bump.PATCH, "1.2.4"),
        ("1.2.3", Bump.MINOR, "1.3.0"),
        ("1.2.3", Bump.MAJOR, "2.0.0"),
        ("0.0.9", Bump.PATCH, "0.0.10"),
        ("0.9.9", Bump.MAJOR, "1.0.0"),
    ],
)
def test_a_semantic_version_grows_in_one_part_and_those_behind_it_become_nothing(label, bump, after):
    assert bumped(label, bump) == after


@pytest.mark.parametrize("label", ["1.2", "1.2.3.4", "v1.2.3", "01.2.3", "1.2.3-rc1", "1.2.³", "", "1.2.-3"])
def test_a_label_that_is_not_semantic_is_neither_first_nor_grown(label):
    with pytest.raises(ConfigError):
        bumped(label, Bump.PATCH)
    with pytest.raises(ConfigError, match=r"Semantic\.first"):
        Semantic(first=label)


def test_what_the_caller_says_comes_before_the_rule():
    before = next_version(Semantic(), 1, previous=None, now_us=NOW)
    strategy = Semantic(rule=lambda _before, _after: Bump.MINOR)

    told = next_version(strategy, 2, previous=before, now_us=NOW, bump=Bump.MAJOR, previous_state=lambda: 1)
    ruled = next_version(strategy, 2, previous=before, now_us=NOW, previous_state=lambda: 1)

    assert (told.label, ruled.label) == ("2.0.0", "1.1.0")


def test_the_state_before_is_loaded_only_where_a_rule_looks_at_it():
    loaded = []
    before = next_version(Semantic(), 1, previous=None, now_us=NOW)
    for strategy in STRATEGIES:
        next_version(strategy, 2, previous=before, now_us=NOW, previous_state=lambda: loaded.append(1))

    assert loaded == []


def test_a_rule_without_the_state_before_and_a_bump_for_another_strategy_are_errors():
    before = next_version(Semantic(), 1, previous=None, now_us=NOW)

    with pytest.raises(ConfigError, match="previous_state"):
        next_version(Semantic(rule=bump_by_shape), 2, previous=before, now_us=NOW)
    for strategy in STRATEGIES[:3]:
        with pytest.raises(ConfigError, match="bump"):
            next_version(strategy, 2, previous=before, now_us=NOW, bump=Bump.MINOR)


def test_after_another_strategy_a_semantic_label_cannot_go_on_and_the_others_can():
    for before in (Timestamp(), HashBased(), Incremental()):
        previous = next_version(before, 1, previous=None, now_us=NOW)
        with pytest.raises(ConfigError, match="another strategy"):
            next_version(Semantic(), 2, previous=previous, now_us=NOW)
        for after in STRATEGIES[:3]:
            assert next_version(after, 2, previous=previous, now_us=NOW).revision == 2


def test_a_state_without_a_canonical_encoding_has_no_hash_and_all_other_labels():
    with pytest.raises(ValueEncodeError):
        next_version(HashBased(), [object()], previous=None, now_us=NOW)
    for strategy in (Timestamp(), Incremental(), Semantic()):
        assert next_version(strategy, [object()], previous=None, now_us=NOW).revision == 1


@pytest.mark.parametrize(
    ("before", "after", "bump"),
    [
        ({"a": 1}, {"a": 2}, Bump.PATCH),
        ({"a": 1}, {"a": 1}, Bump.PATCH),
        ({"a": 1}, {"a": 1, "b": 2}, Bump.MINOR),
        ({"a": 1, "b": 2}, {"a": 1}, Bump.MAJOR),
        ({"a": 1}, {"b": 1}, Bump.MAJOR),
        ({"a": 1}, {"a": 1.0}, Bump.MAJOR),
        ({"a": None}, {"a": 1}, Bump.MAJOR),
        ({"a": {"b": 1}}, {"a": {"b": 2, "c": 3}}, Bump.MINOR),
        ({"a": {"b": 1}}, {"a": {}}, Bump.MAJOR),
        ({"a": {"b": 1}, "x": 1}, {"a": {"c": 1}, "x": 1, "y": 2}, Bump.MAJOR),
        ([1], [1, 2], Bump.PATCH),
        ([1], (1,), Bump.MAJOR),
    ],
)
def test_the_shape_of_a_state_decides_which_part_grows(before, after, bump):
    assert bump_by_shape(before, after) is bump


HISTORY = [
    Version(revision=2, label="1.0.1", saved_us=100),
    Version(revision=3, label="1.0.9", saved_us=200),
    Version(revision=5, label="1.0.10", saved_us=300),
    Version(revision=6, label="1.0.9", saved_us=400),
]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(microseconds):
    return EPOCH + timedelta(microseconds=microseconds)


@pytest.mark.parametrize(
    ("wanted", "revision"),
    [("latest", 6), (2, 2), (5, 5), ("1.0.1", 2), ("1.0.10", 5), ("1.0.9", 6)],
)
def test_a_version_is_selected_by_revision_and_by_label_and_of_one_label_the_newest(wanted, revision):
    assert select(HISTORY, wanted).revision == revision


@pytest.mark.parametrize(("at", "revision"), [(100, 2), (199, 2), (200, 3), (399, 5), (400, 6), (10**18, 6)])
def test_a_version_is_selected_by_the_time_at_which_it_was_the_latest(at, revision):
    zone = timezone(timedelta(hours=5))

    assert select(HISTORY, at=moment(min(at, 10**15))).revision == revision
    assert select(HISTORY, at=moment(min(at, 10**15)).astimezone(zone)).revision == revision


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [
        ("1.0.2", ("1.0.9", "1.0.1", "1.0.10")),
        ("1.0.11", ("1.0.10", "1.0.9", "1.0.1")),
        ("0", ("1.0.1", "1.0.9", "1.0.10")),
        (4, ("5", "3", "6")),
        (7, ("6", "5", "3")),
        (True, ("1.0.10", "1.0.9", "1.0.1")),
    ],
)
def test_a_version_that_is_not_there_names_the_nearest_in_the_order_of_numbers(wanted, nearest):
    with pytest.raises(VersionNotFoundError) as caught:
        select(HISTORY, wanted)

    assert caught.value.nearest == nearest
    assert repr(wanted) in str(caught.value) or str(wanted) in str(caught.value)


def test_before_the_first_save_there_is_no_version_and_the_error_names_the_first():
    with pytest.raises(VersionNotFoundError, match=r"1\.0\.1, 1\.0\.9"):
        select(HISTORY, at=moment(99))


def test_of_nothing_saved_no_version_can_be_selected():
    for call in ({}, {"version": 1}, {"version": "a"}, {"at": moment(5)}):
        with pytest.raises(VersionNotFoundError) as caught:
            select([], **call)
        assert caught.value.nearest == ()


def test_a_time_without_a_zone_or_beside_a_version_is_an_error():
    with pytest.raises(ConfigError, match="time zone"):
        select(HISTORY, at=datetime(2026, 1, 1))  # noqa: DTZ001 -- naive on purpose
    with pytest.raises(ConfigError, match="version"):
        select(HISTORY, 2, at=moment(300))


@given(clock=clocks, at=st.integers(0, 60))
def test_the_version_at_a_time_is_the_last_that_was_saved_by_then(clock, at):
    versions = saved(Incremental(), clock, clock)
    by_then = [version for version in versions if version.saved_us <= at]

    if by_then:
        assert select(versions, at=moment(at)) == by_then[-1]
    else:
        with pytest.raises(VersionNotFoundError):
            select(versions, at=moment(at))


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.timezones()))  # noqa: DTZ001 -- bounds
def test_a_time_and_its_microseconds_say_the_same(at):
    version = Version(revision=1, label="", saved_us=to_us(at))

    assert version.saved_at == at.astimezone(UTC)

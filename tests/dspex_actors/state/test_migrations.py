"""The way from schema to schema: the shortest path, both directions, as a whole or not at all."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspex_actors import ConfigError
from dspex_actors.serialization import Serializer
from dspex_actors.state import MigrationFailedError, MigrationGraph, MigrationPathError, Step


def note(word):
    """Return a change that notes that it was made, in place."""

    def change(state):
        state["walked"].append(word)
        return state

    return change


def step(text):
    """Return a step from text such as `1>2` (up only) or `1=2` (both ways)."""
    start, sign, goal = text.partition(">" if ">" in text else "=")
    down = note(f"{goal}-{start}") if sign == "=" else None
    return Step(start, goal, note(f"{start}-{goal}"), down)


def graph(text):
    return MigrationGraph(map(step, text.split()))


@pytest.mark.parametrize(
    ("steps", "start", "goal", "walked"),
    [
        ("1>2 2>3", "1", "3", ["1-2", "2-3"]),
        ("1>2 2>3 1>3", "1", "3", ["1-3"]),
        ("1>2 2>3 3>4 1>4", "2", "4", ["2-3", "3-4"]),
        ("1=2 2=3", "3", "1", ["3-2", "2-1"]),
        ("1=2 2>3", "2", "1", ["2-1"]),
        ("1>2 1>3 2>4 3>4", "1", "4", ["1-2", "2-4"]),
        ("1>3 1>2 2>4 3>4", "1", "4", ["1-3", "3-4"]),
        ("2=1 2>3", "1", "3", ["1-2", "2-3"]),
        ("1>2 2>1", "1", "2", ["1-2"]),
        ("1>2 2>1 2>3", "1", "3", ["1-2", "2-3"]),
        ("1>2", "2", "2", []),
        ("", "7", "7", []),
    ],
)
def test_the_shortest_path_is_walked_and_of_several_the_one_registered_first(steps, start, goal, walked):
    migrated = graph(steps).migrate({"walked": []}, start, goal)

    assert migrated.state == {"walked": walked}


@pytest.mark.parametrize(
    ("steps", "start", "goal", "reached", "leading", "words"),
    [
        ("1>2 3>4", "1", "4", ("2",), ("3",), "from '1' one gets to 2; to '4' one gets from 3"),
        ("1>2 2>3", "3", "1", (), (), "no step starts at '3'; no step ends at '1'"),
        (
            "1>2 2>10",
            "1",
            "9",
            ("10", "2"),
            ("10", "2", "1"),
            "no step knows '9' (the nearest known are 10, 2, 1)",
        ),
        (
            "1>2 2>3",
            "1.5",
            "3",
            ("2", "1", "3"),
            ("2", "1"),
            "no step knows '1.5' (the nearest known are 2, 1, 3)",
        ),
        ("", "1", "2", (), (), "no step knows '1'; no step knows '2'"),
    ],
)
def test_a_missing_path_names_the_versions_nearest_to_one(steps, start, goal, reached, leading, words):
    with pytest.raises(MigrationPathError) as caught:
        graph(steps).path(start, goal)

    error = caught.value
    assert (error.start, error.goal, error.reached, error.leading) == (start, goal, reached, leading)
    assert words in str(error)


def test_the_state_that_was_given_is_never_changed():
    state = {"walked": [], "nested": {"xs": [1]}}

    def spoil(state):
        state["nested"]["xs"].clear()
        return state

    migrated = MigrationGraph([Step("1", "2", spoil)]).migrate(state, "1", "2")

    assert migrated.state == {"walked": [], "nested": {"xs": []}}
    assert state == {"walked": [], "nested": {"xs": [1]}}


def fail(_state):
    raise KeyError("score")


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_step_that_raises_leaves_everything_as_it_was_and_is_named(at):
    steps = [step("1>2"), step("2>3"), step("3>4")]
    steps[at] = Step(steps[at].start, steps[at].goal, fail, name="drop the score")
    state = {"walked": []}

    with pytest.raises(MigrationFailedError, match="drop the score") as caught:
        MigrationGraph(steps).migrate(state, "1", "4")

    assert state == {"walked": []}
    assert (caught.value.start, caught.value.goal) == (str(at + 1), str(at + 2))
    assert caught.value.reason == "KeyError: 'score'"
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_step_that_forgets_to_return_the_state_is_told_so():
    with pytest.raises(MigrationFailedError, match="return the new state"):
        MigrationGraph([Step("1", "2", lambda state: state.clear())]).migrate({"a": 1}, "1", "2")


def test_a_state_of_none_may_stay_none():
    assert MigrationGraph([Step("1", "2", lambda state: state)]).migrate(None, "1", "2").state is None


def test_the_provenance_is_plain_data_that_says_each_step_and_its_direction():
    steps = [Step("1", "2", note("a"), note("b"), name="add tags"), Step("1", "0", note("c"))]

    migrated = MigrationGraph(steps).migrate({"walked": []}, "2", "0")

    assert migrated.provenance == {
        "migrated_from": "2",
        "migrated_to": "0",
        "steps": [
            {"name": "add tags", "from": "2", "to": "1", "direction": "down"},
            {"name": "1->0", "from": "1", "to": "0", "direction": "up"},
        ],
    }
    serializer = Serializer(format="json")
    assert serializer.loads(serializer.dumps(migrated.provenance)).value == migrated.provenance


def test_looking_for_the_path_runs_no_step():
    moves = MigrationGraph([Step("1", "2", fail), Step("2", "3", fail)]).path("1", "3")

    assert [(move.start, move.goal, move.direction) for move in moves] == [("1", "2", "up"), ("2", "3", "up")]


@pytest.mark.parametrize(
    ("steps", "words"),
    [("1>1", "another version"), ("1>2 1>2", "there is"), ("1=2 2>1", "there is"), ("2>1 1=2", "there is")],
)
def test_a_step_to_nowhere_and_a_second_one_for_the_same_way_are_refused(steps, words):
    with pytest.raises(ConfigError, match=words):
        graph(steps)


def test_a_graph_with_one_more_step_leaves_the_first_as_it_was():
    first = graph("1>2")
    second = first.with_step(step("2>3"))

    assert len(second.path("1", "3")) == 2
    assert (first.versions, second.versions) == ({"1", "2"}, {"1", "2", "3"})
    with pytest.raises(MigrationPathError):
        first.path("1", "3")
    with pytest.raises(ConfigError):
        second.with_step(step("2>3"))


NAMES = "abcdef"
edges = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.booleans()).filter(
        lambda edge: edge[0] != edge[1]
    ),
    unique_by=(lambda edge: frozenset(edge[:2])),
    max_size=12,
)


def distances(drawn):
    """Return the length of the shortest path between every two versions (Floyd and Warshall)."""
    ways = {(a, b) for a, b, _ in drawn} | {(b, a) for a, b, both in drawn if both}
    found = {(name, name): 0 for name in NAMES} | dict.fromkeys(ways, 1)
    for middle, start, goal in itertools.product(NAMES, repeat=3):
        if (start, middle) in found and (middle, goal) in found:
            length = found[start, middle] + found[middle, goal]
            found[start, goal] = min(length, found.get((start, goal), length))
    return found


@given(drawn=edges)
def test_a_path_is_found_exactly_where_there_is_one_and_none_is_shorter(drawn):
    made = MigrationGraph(step(f"{a}{'=' if both else '>'}{b}") for a, b, both in drawn)
    lengths = distances(drawn)

    for start, goal in itertools.product(NAMES, repeat=2):
        if (start, goal) not in lengths:
            with pytest.raises(MigrationPathError) as caught:
                made.path(start, goal)
            if start in made.versions:
                assert all((start, name) in lengths for name in caught.value.reached)
            if goal in made.versions:
                assert all((name, goal) in lengths for name in caught.value.leading)
            assert str(caught.value)
            continue
        moves = made.path(start, goal)
        assert len(moves) == lengths[start, goal]
        stations = [start, *(move.goal for move in moves)]
        assert [move.start for move in moves] == stations[:-1]
        assert stations[-1] == goal
        walked = made.migrate({"walked": []}, start, goal).state["walked"]
        assert walked == [f"{move.start}-{move.goal}" for move in moves]


@given(length=st.integers(1, 8), start=st.integers(0, 8), goal=st.integers(0, 8))
def test_where_every_step_has_a_way_back_a_migration_can_be_undone(length, start, goal):
    start, goal = min(start, length), min(goal, length)
    made = MigrationGraph(
        Step(str(n), str(n + 1), lambda state, n=n: [*state, n], lambda state: state[:-1])
        for n in range(length)
    )
    state = list(range(start))

    there = made.migrate(state, str(start), str(goal))

    assert there.state == list(range(goal))
    assert {each["direction"] for each in there.provenance["steps"]} <= {"up" if goal > start else "down"}
    assert made.migrate(there.state, str(goal), str(start)).state == state

"""Ids are found by a glob, the same ones as by looking at each."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspex_actors import ConfigError
from dspex_actors.modules._id_index import IdIndex, Pattern

IDS = st.sets(st.text("ab./Ä", min_size=1, max_size=6), max_size=30)
GLOBS = st.lists(
    st.sampled_from(["a", "b", ".", "*", "?", "[ab]", "[!a]", "[", "]", "Ä"]), min_size=1, max_size=6
)


@given(IDS, GLOBS.map("".join), st.data())
@settings(max_examples=50)
def test_an_index_finds_what_a_look_at_each_id_finds(ids, glob, data):
    index = IdIndex()
    for each in ids:
        index.add(each)
    gone = data.draw(st.sets(st.sampled_from(sorted(ids)))) if ids else set()
    for each in gone:
        index.remove(each)
    expected = sorted(each for each in ids - gone if fnmatch.fnmatchcase(each, glob))
    assert index.matching(Pattern(glob)) == expected
    assert len(index) == len(ids - gone)


@pytest.mark.parametrize(
    ("glob", "head", "tail", "literal"),
    [
        ("agents.writer", "agents.writer", "agents.writer", True),
        ("agents.*", "agents.", "", False),
        ("*.writer", "", ".writer", False),
        ("agents.*.v2", "agents.", ".v2", False),
        ("a?c", "a", "", False),
        ("a[bc]d", "a", "", False),
        ("*", "", "", False),
    ],
)
def test_a_pattern_knows_its_literal_ends(glob, head, tail, literal):
    pattern = Pattern(glob)
    assert (pattern.head, pattern.tail, pattern.literal) == (head, tail, literal)


@pytest.mark.parametrize("glob", ["", None, 1])
def test_a_pattern_that_is_no_text_is_refused(glob):
    with pytest.raises(ConfigError):
        Pattern(glob)


def test_of_an_id_that_is_not_there_the_index_knows_those_next_to_it():
    index = IdIndex()
    for each in "abcdefgh":
        index.add(each)
    assert index.near("dd", most=3) == ("d", "e", "f")
    assert index.near("z", most=3) == ("f", "g", "h")
    assert IdIndex().near("a") == ()

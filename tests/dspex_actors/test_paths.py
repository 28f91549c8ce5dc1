"""Paths and patterns of a policy: refused where no machine could grant them, and what a pattern means."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspex_actors import ConfigError, Policy
from dspex_actors._paths import is_below, matches
from dspex_actors._policy import ESSENTIAL_LAYERS

NO_PATH = ["data", "", "./x", "/a/../b", "/a\0b", "/\udc80", b"/data", 5, None]
RESERVED = [
    "/",
    "//",
    "/proc",
    "/proc/self",
    "/sys/kernel",
    "/dev/null",
    "/scratch",
    "/scratch/1",
    "/sentinel",
]


@pytest.mark.parametrize("path", [*NO_PATH, *RESERVED])
def test_a_path_that_no_guest_can_have_is_refused_as_read_path_and_as_write_path(path):
    for options in ({"read_paths": [path]}, {"write_paths": {"out": path}}):
        with pytest.raises(ConfigError) as caught:
            Policy(**options)
        assert caught.value.field.removeprefix("Policy.") in options


@pytest.mark.parametrize("value", ["/data", b"/data", None, 5, {"/data": 1}])
def test_read_paths_that_are_no_sequence_are_refused(value):
    with pytest.raises(ConfigError, match=r"Policy\.read_paths"):
        Policy(read_paths=value)


def test_read_paths_are_kept_as_plain_texts_each_once():
    policy = Policy(read_paths=[Path("/data/a"), "/data//b/", "/data/a/."])

    assert policy.read_paths == ("/data/a", "/data/b")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a", "a\0", "\udc80", 5, None])
def test_a_write_path_has_the_name_of_one_folder(name):
    with pytest.raises(ConfigError, match=r"Policy\.write_paths"):
        Policy(write_paths={name: "/data"})


@pytest.mark.parametrize("value", ["/data", ["/data"], None, 5])
def test_write_paths_that_are_no_mapping_are_refused(value):
    with pytest.raises(ConfigError, match=r"Policy\.write_paths"):
        Policy(write_paths=value)


@pytest.mark.parametrize(("one", "other"), [("/a", "/a"), ("/a", "/a/b"), ("/a/b/c", "/a/b")])
def test_write_paths_of_which_one_holds_the_other_are_refused(one, other):
    with pytest.raises(ConfigError, match="overlap"):
        Policy(write_paths={"one": one, "other": other})


def test_write_paths_beside_each_other_are_taken():
    assert Policy(write_paths={"one": "/a/b", "other": Path("/a/bc")}).write_paths == {
        "one": "/a/b",
        "other": "/a/bc",
    }


@pytest.mark.parametrize(
    "value", ["*.csv", None, 5, [""], ["/a"], ["a//b"], ["../a"], ["a/.."], ["./a"], [5], {"a"}]
)
def test_patterns_that_are_no_sequence_of_relative_ones_are_refused(value):
    with pytest.raises(ConfigError, match=r"Policy\.files"):
        Policy(files=value)


@pytest.mark.parametrize(
    "options", [{"read_paths": ["/data"]}, {"write_paths": {"out": "/data"}}, {"files": ["*"]}]
)
def test_the_strict_profile_takes_none_since_it_opens_no_files(options):
    with pytest.raises(ConfigError, match="strict"):
        Policy(profile="strict", **options)


def test_the_trusted_profile_takes_no_read_paths_for_they_would_restrict_nothing():
    with pytest.raises(ConfigError, match="trusted"):
        Policy(profile="trusted", read_paths=["/data"])

    assert Policy(profile="trusted", write_paths={"out": "/data"}, files=["*"]).files == ("*",)


@pytest.mark.parametrize("options", [{"read_paths": ["/data"]}, {"write_paths": {"out": "/data"}}])
@pytest.mark.parametrize("profile", ["process", "shell"])
def test_paths_of_the_host_require_the_layer_that_guards_them_even_if_nothing_else_is(options, profile):
    assert Policy(profile=profile, require=(), **options).required_layers == {"host_paths"}
    assert Policy(profile=profile, **options).required_layers == ESSENTIAL_LAYERS | {"host_paths"}


def test_without_paths_of_the_host_and_for_trusted_the_layer_is_not_required():
    assert Policy(require=(), files=["*"]).required_layers == frozenset()
    assert Policy(profile="trusted", write_paths={"out": "/data"}).required_layers == frozenset()


def test_policies_with_other_paths_or_patterns_have_sandboxes_of_their_own():
    policies = [
        Policy(),
        Policy(read_paths=["/a"]),
        Policy(read_paths=["/b"]),
        Policy(write_paths={"a": "/a"}),
        Policy(write_paths={"b": "/a"}),
        Policy(files=["a"]),
    ]
    assert len({policy.key for policy in policies}) == len(policies)
    assert Policy(write_paths={"a": "/a", "b": "/b"}).key == Policy(write_paths={"b": "/b", "a": "/a"}).key


@pytest.mark.parametrize(
    ("pattern", "meant", "not_meant"),
    [
        ("*.csv", ["a.csv", ".csv"], ["a.txt", "d/a.csv", "a.csv/b", "A.CSV"]),
        ("out/*.png", ["out/a.png"], ["a.png", "out/d/a.png", "x/out/a.png"]),
        ("**", ["a", "d/a", "d/e/a"], []),
        ("**/*.py", ["a.py", "d/a.py", "d/e/a.py"], ["a.pyc", "a.py/b"]),
        ("out/**", ["out/a", "out/d/a"], ["out", "a", "outer/a"]),
        ("a/**/z", ["a/z", "a/b/z", "a/b/c/z"], ["a", "z", "a/b", "b/a/z"]),
        ("?.txt", ["a.txt"], ["ab.txt", ".txt"]),
        ("[ab].txt", ["a.txt", "b.txt"], ["c.txt"]),
        ("**/**", ["a", "d/a"], []),
    ],
)
def test_a_pattern_means_these_names_and_not_those(pattern, meant, not_meant):
    assert [name for name in meant if not matches(pattern, name)] == []
    assert [name for name in not_meant if matches(pattern, name)] == []


PARTS = st.lists(st.sampled_from(["a", "b", "ab", "a.b"]), min_size=1, max_size=4)
PATTERN_PARTS = st.lists(st.sampled_from(["a", "*", "**", "?", "a*", "*.b"]), min_size=1, max_size=4)


def as_expression(parts):
    """Say the same in another language."""
    parts = [*parts, "*"] if parts[-1] == "**" else parts
    text = ""
    for at, part in enumerate(parts):
        last = "" if at == len(parts) - 1 else "/"
        if part == "**":
            text += "(?:[^/]+/)*"
        else:
            text += re.escape(part).replace(r"\*", "[^/]*").replace(r"\?", "[^/]") + last
    return text


@given(PATTERN_PARTS, PARTS)
def test_patterns_mean_what_the_same_regular_expression_means(pattern, name):
    expected = re.fullmatch(as_expression(pattern), "/".join(name)) is not None

    assert matches("/".join(pattern), "/".join(name)) is expected


def test_a_name_that_is_made_to_be_slow_is_matched_at_once():
    hostile = "/".join(["a" * 250] * 32)

    assert not matches("**/*a*a*a*a*a*b/**/*a*a*a*a*c", hostile)


@pytest.mark.parametrize(
    ("path", "above", "below"),
    [
        ("/a/b", "/a", True),
        ("/a", "/a", True),
        ("/ab", "/a", False),
        ("/a", "/", True),
        ("/a", "/a/b", False),
    ],
)
def test_a_path_is_below_another_by_whole_parts(path, above, below):
    assert is_below(path, above) is below

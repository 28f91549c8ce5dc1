"""What is to be done to a host's folder follows from what the guest was given and what it has left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspex_actors.workers._write_plan import Copied, Found, Manifest, Plan, RefusedError, Signature, plan

SIGNATURE = Signature(1, 2, 3, 4)


def given_of(files=(), folders=(), skipped=()):
    return Manifest({n: Copied(b"old", SIGNATURE) for n in files}, frozenset(folders), frozenset(skipped))


def left(files=(), changed=()):
    return {name: Found(b"old") for name in files} | {name: Found(b"new") for name in changed}


@pytest.mark.parametrize(
    ("before", "files", "folders", "expected"),
    [
        (given_of(), {}, (), Plan((), (), (), ())),
        (given_of(["a"]), left(["a"]), (), Plan((), (), (), ())),
        (given_of(["a"]), left(changed=["a"]), (), Plan((), ("a",), (), ())),
        (given_of(["a"]), left(["a"], ["b"]), (), Plan((), ("b",), (), ())),
        (given_of(["a"]), {}, (), Plan((), (), ("a",), ())),
        (given_of(), left(changed=["d/e/a"]), ["d", "d/e"], Plan(("d", "d/e"), ("d/e/a",), (), ())),
        (given_of(["d/e/a"], ["d", "d/e"]), {}, (), Plan((), (), ("d/e/a",), ("d/e", "d"))),
        (given_of((), ["d"]), {}, ["d"], Plan((), (), (), ())),
        (given_of(["a"], (), ["link"]), left(["a"]), (), Plan((), (), (), ())),
    ],
)
def test_the_changes_are_those_that_lead_from_one_to_the_other(before, files, folders, expected):
    assert plan(before, files, folders) == expected


@pytest.mark.parametrize(
    ("before", "files", "folders", "words"),
    [
        (given_of(skipped=["link"]), left(["link"]), (), "link: .* not copied"),
        (given_of(skipped=["link"]), {}, ["link"], "link: .* not copied"),
        (given_of(["a"]), {}, ["a"], "a: on the host this is a file"),
        (given_of((), ["d"]), left(["d"]), (), "d: on the host this is a folder"),
    ],
)
def test_what_stands_in_the_way_of_something_of_the_hosts_is_refused(before, files, folders, words):
    with pytest.raises(RefusedError, match=words):
        plan(before, files, folders)


TREES = st.dictionaries(
    st.sampled_from(["a", "b", "d/a", "d/b", "d/e/a", "f/a"]), st.sampled_from([b"1", b"2"])
)


def folders_of(tree):
    return {"/".join(name.split("/")[:at]) for name in tree for at in range(1, name.count("/") + 1)}


@given(TREES, TREES)
def test_doing_what_the_plan_says_gives_what_the_guest_has_left(before, after):
    manifest = Manifest(
        {name: Copied(content, SIGNATURE) for name, content in before.items()},
        frozenset(folders_of(before)),
        frozenset(),
    )
    todo = plan(manifest, {name: Found(content) for name, content in after.items()}, folders_of(after))

    folders, files = folders_of(before), dict(before)
    for name in todo.make:
        assert name.rpartition("/")[0] in {*folders, ""}
        folders.add(name)
    for name in todo.write:
        assert name.rpartition("/")[0] in {*folders, ""}
        files[name] = after[name]
    for name in todo.remove:
        del files[name]
    for name in todo.empty:
        assert not any(each.startswith(f"{name}/") for each in {*files, *folders})
        folders.remove(name)
    assert (files, folders) == (after, folders_of(after))

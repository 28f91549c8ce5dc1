"""A hostile folder is looked through without following, blocking or ending late."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager

import pytest

from dspex_actors.workers import _tree
from dspex_actors.workers._scratch import empty_folder
from dspex_actors.workers._tree import DEEPEST, open_file, parent_of, remove_below, walk


@contextmanager
def opened(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def seen(path, **options):
    with opened(path) as top:
        return {entry.name: entry.problem for entry in walk(top, **options)}


@pytest.fixture
def secret(tmp_path):
    folder = tmp_path / "secret"
    folder.mkdir()
    (folder / "key").write_text("of the host")
    return folder


@pytest.fixture
def top(tmp_path):
    folder = tmp_path / "top"
    folder.mkdir()
    yield folder
    empty_folder(folder)  # pytest cannot remove what is deeper than its recursion


def test_folders_come_before_what_they_hold_and_names_in_order(top):
    (top / "b" / "d").mkdir(parents=True)
    for name in ("b/z", "b/d/y", "a", "c"):
        (top / name).write_text("")

    assert list(seen(top)) == ["a", "b", "b/d", "b/d/y", "b/z", "c"]


def test_what_is_no_regular_file_is_named_for_what_it_is_and_not_entered(top, secret, monkeypatch):
    monkeypatch.chdir(top)
    (top / "to_file").symlink_to(secret / "key")
    (top / "to_folder").symlink_to(secret)
    os.mkfifo(top / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")

    assert seen(top) == {
        "pipe": "it is a named pipe",
        "socket": "it is a socket",
        "to_file": "it is a symbolic link",
        "to_folder": "it is a symbolic link",
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make devices")
def test_a_device_is_named_and_not_opened(top):
    os.mknod(top / "zero", 0o20666, os.makedev(1, 5))

    assert seen(top) == {"zero": "it is a device"}


def test_a_name_that_is_not_utf8_is_shown_with_backslashes(top):
    (top / os.fsdecode(b"caf\xe9")).write_text("")
    (top / os.fsdecode(b"d\xff")).mkdir()
    (top / os.fsdecode(b"d\xff") / "inner").write_text("")

    assert seen(top) == {"caf\\xe9": "its name is not UTF-8", "d\\xff": "its name is not UTF-8"}


@pytest.mark.parametrize(("count", "complete"), [(5, True), (6, False)])
def test_entries_beyond_the_budget_end_the_walk_and_say_so(top, count, complete):
    for number in range(count):
        (top / f"{number}").write_text("")

    problems = [problem for problem in seen(top, most=5).values() if problem]

    assert problems == ([] if complete else ["there are more than 5 files and folders"])


def test_the_budget_counts_over_all_folders(top):
    for name in ("a", "b"):
        (top / name).mkdir()
        for number in range(3):
            (top / name / f"{number}").write_text("")

    assert len(seen(top, most=8)) == 8
    assert list(seen(top, most=7).values())[-1] == "there are more than 7 files and folders"


@pytest.mark.parametrize("depth", [DEEPEST - 1, DEEPEST, 2000])
def test_folders_below_the_deepest_are_not_entered(top, depth):
    here = os.open(top, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)

    problems = [problem for problem in seen(top).values() if problem]

    assert problems == ([] if depth < DEEPEST else [f"it is the {DEEPEST}th folder in a row"])


def test_a_folder_that_becomes_a_link_while_it_is_looked_at_is_not_followed(top, secret):
    (top / "a").mkdir()
    (top / "b").mkdir()
    (top / "b" / "file").write_text("")
    with opened(top) as descriptor:
        found = []
        for entry in walk(descriptor):
            found.append((entry.name, bool(entry.problem)))
            if entry.name == "a":
                (top / "b").rename(top / "moved")
                (top / "b").symlink_to(secret)

    assert found == [("a", False), ("b", True)]


def test_a_file_that_becomes_something_else_is_not_read(top, secret):
    (top / "file").write_text("")
    (top / "link").symlink_to(secret / "key")
    os.mkfifo(top / "pipe")
    with opened(top) as descriptor:
        os.close(open_file(descriptor, "file"))
        for name in ("link", "pipe", "missing"):
            with pytest.raises(OSError):  # noqa: PT011 -- each has its own
                open_file(descriptor, name)


def test_the_folder_of_a_name_is_found_without_following_links(top, secret):
    (top / "a" / "b").mkdir(parents=True)
    (top / "link").symlink_to(secret)
    with opened(top) as descriptor:
        with parent_of(descriptor, "a/b/c") as (folder, base):
            os.close(os.open(base, os.O_CREAT | os.O_WRONLY, dir_fd=folder))
        with pytest.raises(NotADirectoryError), parent_of(descriptor, "link/key"):
            pass

    assert (top / "a" / "b" / "c").exists()


def test_a_folder_is_emptied_without_following_links(top, secret):
    (top / "a" / "b").mkdir(parents=True)
    (top / "a" / "b" / "file").write_text("")
    (top / "link").symlink_to(secret)
    os.mkfifo(top / "a" / "pipe")
    with opened(top) as descriptor:
        remove_below(descriptor)

    assert list(top.iterdir()) == []
    assert (secret / "key").read_text() == "of the host"


def test_no_descriptor_stays_open_when_a_walk_is_given_up(top):
    (top / "a" / "b").mkdir(parents=True)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 -- the number alone
    with opened(top) as descriptor:
        entries = walk(descriptor)
        next(entries)
        next(entries)
        entries.close()

    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 -- as above


def test_a_folder_with_more_entries_than_are_looked_at_at_once_is_emptied(top, monkeypatch):
    monkeypatch.setattr(_tree, "MOST_ENTRIES", 3)
    for number in range(10):
        (top / f"{number}").write_text("")
    with opened(top) as descriptor:
        remove_below(descriptor)

    assert list(top.iterdir()) == []

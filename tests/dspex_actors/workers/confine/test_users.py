"""Which users guests may be: read from the maps of our own user namespace and from the files' modes."""

from __future__ import annotations

import os

import pytest

from dspex_actors.workers.confine import _users


@pytest.mark.parametrize(
    ("id_map", "first", "mapped"),
    [
        ("         0          0 4294967295\n", 1_900_000_000, True),
        ("0 100000 65536\n", 1_900_000_000, False),
        ("0 100000 65536\n", 60_600, True),
        ("0 1000 1\n", 60_600, False),
        ("0 1000 1\n1 100000 65536\n", 60_600, True),
        ("0 1000 60600\n60600 100000 256\n", 60_600, True),
        ("0 1000 60600\n60600 100000 255\n", 60_600, False),
        ("60601 100000 1000\n", 60_600, False),
        ("", 60_600, False),
    ],
)
def test_a_range_can_be_used_if_one_line_of_the_map_covers_it(id_map, first, mapped):
    assert _users._is_mapped(first, id_map) is mapped


def test_only_root_has_users_for_its_guests(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert _users.free_range() is None


def test_the_first_path_that_others_may_not_read_is_named(tmp_path):
    public, folder, private = (tmp_path / name for name in ("public", "folder", "private"))
    public.touch(0o644)
    folder.mkdir(0o755)
    private.touch(0o640)

    assert _users.first_private([str(public), str(folder)]) is None
    assert _users.first_private([str(public), str(private), str(folder)]) == str(private)
    folder.chmod(0o744)
    assert _users.first_private([str(folder)]) == str(folder)


def test_a_step_that_fails_in_the_rehearsal_fails_here_with_the_same_error():
    def step():
        raise PermissionError(1, "not for you")

    with pytest.raises(PermissionError, match="not for you"):
        _users.rehearse(step)


def test_a_step_that_works_in_the_rehearsal_has_changed_nothing_here():
    _users.rehearse(lambda: os.chdir("/"))

    assert os.getcwd() != "/"  # noqa: PTH109 -- the plain call

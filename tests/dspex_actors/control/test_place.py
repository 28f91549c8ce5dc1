"""A control socket stands in a folder that is its user's alone, and a path belongs to one runtime."""

from __future__ import annotations

import os
import socket
import stat

import pytest

from dspex_actors import ConfigError
from dspex_actors.control._place import ControlPlace
from tests._nobody import NOBODY


@pytest.fixture
def path(tmp_path):
    folder = tmp_path / "own"
    folder.mkdir(mode=0o700)
    return folder / "control.sock"


def taken_at(path):
    return ControlPlace.take(str(path))


def lock_of(path):
    return path.with_name(f"{path.name}.lock")


def test_a_folder_that_is_not_there_is_made_for_its_user_alone(tmp_path):
    folder = tmp_path / "new"
    place = taken_at(folder / "control.sock")
    place.close()

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.iterdir()) == []


def test_socket_and_lock_can_be_used_by_their_user_alone(path):
    place = taken_at(path)
    try:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(lock_of(path).stat().st_mode) == 0o600
    finally:
        place.close()


@pytest.mark.parametrize(
    ("mode", "taken"), [(0o700, True), (0o750, False), (0o705, False), (0o710, False), (0o702, False)]
)
def test_a_folder_that_others_can_enter_or_read_is_refused(path, mode, taken):
    path.parent.chmod(mode)
    if taken:
        taken_at(path).close()
        return
    with pytest.raises(ConfigError, match=r"a folder that is yours alone \(chmod 700\).*mode " + f"{mode:o}"):
        taken_at(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused(path):
    os.chown(path.parent, NOBODY, NOBODY)

    with pytest.raises(ConfigError, match=f"is of the user {NOBODY}"):
        taken_at(path)


def test_a_folder_that_cannot_be_made_is_refused_with_the_reason(tmp_path):
    with pytest.raises(ConfigError, match="No such file or directory"):
        taken_at(tmp_path / "no" / "such" / "control.sock")
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ConfigError, match="yours alone"):
        taken_at(file / "control.sock")


def test_a_path_that_a_runtime_has_is_refused_with_its_process(path):
    place = taken_at(path)
    try:
        with pytest.raises(ConfigError, match=f"no other runtime has; process {os.getpid()} has it"):
            taken_at(path)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))  # the one that has it listens on
    finally:
        place.close()
    taken_at(path).close()


def test_a_socket_and_a_lock_that_were_left_over_are_replaced(path):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    lock_of(path).write_text("123456789012345\n", encoding="ascii")
    place = taken_at(path)
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
        assert lock_of(path).read_text("ascii") == f"{os.getpid()}\n"
    finally:
        place.close()


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_is_no_socket_is_left_where_it_is(path, kind, tmp_path):
    if kind == "file":
        path.write_text("precious")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ConfigError, match="at which nothing is, or a socket that was left over"):
        taken_at(path)

    assert os.path.lexists(path)
    assert not lock_of(path).exists()


def test_a_lock_that_is_a_link_is_not_followed(path, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    lock_of(path).symlink_to(victim)

    with pytest.raises(ConfigError, match="control must be a path with room for"):
        taken_at(path)
    assert victim.read_text() == "precious"

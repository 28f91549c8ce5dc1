"""A folder of the host is copied for a guest: what is in it, within the quota, and nothing that leads out."""

from __future__ import annotations

import os
import stat

import pytest

from dspex_actors import WritePathError
from dspex_actors.workers._copying import copy_in, look
from dspex_actors.workers._protocol import ScratchQuota

NO_QUOTA = ScratchQuota()


@pytest.fixture
def host(tmp_path):
    folder = tmp_path / "host"
    folder.mkdir()
    return folder


@pytest.fixture
def guest(tmp_path):
    folder = tmp_path / "guest"
    folder.mkdir()
    return folder


def copied(host, guest, quota=NO_QUOTA):
    descriptor = os.open(guest, os.O_RDONLY)
    try:
        return copy_in(str(host), descriptor, quota)
    finally:
        os.close(descriptor)


def test_files_and_folders_are_copied_and_noted(host, guest):
    (host / "d" / "e").mkdir(parents=True)
    (host / "a").write_bytes(b"x" * 3_000_000)
    (host / "d" / "e" / "b").write_bytes(b"")

    manifest = copied(host, guest)

    assert (guest / "a").read_bytes() == b"x" * 3_000_000
    assert (guest / "d" / "e" / "b").read_bytes() == b""
    assert (set(manifest.files), manifest.folders) == ({"a", "d/e/b"}, {"d", "d/e"})


def test_a_copy_can_be_written_and_its_programs_run_whatever_the_host_allows(host, guest):
    for name, mode in (("read_only", 0o444), ("program", 0o555), ("set_user", 0o4755)):
        (host / name).write_text("")
        (host / name).chmod(mode)

    copied(host, guest)

    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in guest.iterdir()}
    assert modes == {"read_only": "0o600", "program": "0o700", "set_user": "0o700"}


def test_links_pipes_and_names_that_are_not_utf8_stay_behind(host, guest, tmp_path):
    (tmp_path / "secret").write_text("of the host")
    (host / "link").symlink_to(tmp_path / "secret")
    (host / "folder_link").symlink_to(tmp_path)
    os.mkfifo(host / "pipe")
    (host / os.fsdecode(b"caf\xe9")).write_text("")

    manifest = copied(host, guest)

    assert list(guest.iterdir()) == []
    assert manifest.skipped == {"link", "folder_link", "pipe", "caf\\xe9"}


@pytest.mark.parametrize(("size", "fits"), [(100, True), (101, False)])
def test_more_bytes_than_the_scratch_folder_may_hold_are_refused(host, guest, size, fits):
    (host / "a").write_bytes(b"x" * 50)
    (host / "b").write_bytes(b"x" * (size - 50))
    if fits:
        copied(host, guest, ScratchQuota(size_bytes=100))
        return
    with pytest.raises(WritePathError, match="more than 100 bytes") as caught:
        copied(host, guest, ScratchQuota(size_bytes=100))
    assert caught.value.path == str(host)


@pytest.mark.parametrize(("count", "fits"), [(3, True), (4, False)])
def test_more_files_than_the_scratch_folder_may_hold_are_refused(host, guest, count, fits):
    for number in range(count):
        (host / f"{number}").write_text("")
    if fits:
        copied(host, guest, ScratchQuota(files=3))
        return
    with pytest.raises(WritePathError, match="more than 3 files"):
        copied(host, guest, ScratchQuota(files=3))


def test_a_folder_that_is_not_there_is_an_error_with_its_path(host, guest):
    for function in (lambda path: copied(path, guest), lambda path: look(str(path), NO_QUOTA)):
        with pytest.raises(WritePathError, match="No such file") as caught:
            function(host / "missing")
        assert caught.value.path == str(host / "missing")


def test_folders_that_are_too_deep_are_an_error_and_not_left_behind(host, guest):
    folder = host
    for _ in range(33):
        folder /= "d"
    folder.mkdir(parents=True)

    with pytest.raises(WritePathError, match="in a row"):
        copied(host, guest)


def test_a_copy_does_not_go_through_a_link_that_the_guest_has_put_in_its_way(host, guest, tmp_path):
    (host / "d").mkdir()
    (host / "d" / "a").write_text("x")
    (tmp_path / "outside").mkdir()
    (guest / "d").symlink_to(tmp_path / "outside")

    with pytest.raises(WritePathError):
        copied(host, guest)

    assert list((tmp_path / "outside").iterdir()) == []


def test_a_look_at_the_folder_shows_whether_it_was_changed_since(host, guest):
    (host / "d").mkdir()
    (host / "a").write_text("x")
    manifest = copied(host, guest)
    same = {"a": manifest.files["a"].signature, "d": None}

    assert look(str(host), NO_QUOTA) == same
    (host / "a").write_text("longer")
    assert look(str(host), NO_QUOTA) != same


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_copy_belongs_to_the_owner_of_the_scratch_folder(host, guest):
    (host / "d").mkdir()
    (host / "d" / "a").write_text("x")
    os.chown(guest, 12345, 23456)

    copied(host, guest)

    owners = {(path.stat().st_uid, path.stat().st_gid) for path in (guest / "d", guest / "d" / "a")}
    assert owners == {(12345, 23456)}

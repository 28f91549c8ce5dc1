"""Changes are brought back file by file and never leave the folder; a refusal changes nothing."""

from __future__ import annotations

import os
import stat

import pytest

from dspex_actors.workers._copying import copy_in
from dspex_actors.workers._protocol import ScratchQuota
from dspex_actors.workers._write_back import Staged, put_all_in_place
from dspex_actors.workers._write_plan import RefusedError

NO_QUOTA = ScratchQuota()


def contents(folder) -> dict[str, str | None]:
    """Return what a folder holds: text by name, None for a folder; links are shown as such."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"-> {path.readlink().name}"
        else:
            found[name] = None if path.is_dir() else path.read_text()
    return found


class Copy:
    """A folder of the host, and a guest's copy of it."""

    def __init__(self, folder, quota=NO_QUOTA):
        self.host, self.guest, self._quota = folder / "host", folder / "guest", quota
        for path in (folder, self.host, self.guest):
            path.mkdir()
        (self.host / "d").mkdir()
        (self.host / "a").write_text("a")
        (self.host / "d" / "b").write_text("b")
        self.before = None

    def copy(self):
        self.before = self._on_guest(lambda copy: copy_in(str(self.host), copy, NO_QUOTA))
        return self

    def stage(self):
        return self._on_guest(lambda copy: Staged("out", str(self.host), copy, self.before, self._quota))

    def bring_back(self):
        staged = self.stage()
        try:
            self.before = put_all_in_place({"out": staged})["out"]
        finally:
            staged.close()
        return staged

    def _on_guest(self, function):
        descriptor = os.open(self.guest, os.O_RDONLY)
        try:
            return function(descriptor)
        finally:
            os.close(descriptor)


@pytest.fixture
def copy(tmp_path):
    return Copy(tmp_path / "one").copy()


def test_what_was_made_changed_and_removed_is_brought_back(copy):
    (copy.guest / "a").write_text("changed")
    (copy.guest / "d" / "b").unlink()
    (copy.guest / "d").rmdir()
    (copy.guest / "n" / "m").mkdir(parents=True)
    (copy.guest / "n" / "m" / "c").write_text("new")

    staged = copy.bring_back()

    assert contents(copy.host) == {"a": "changed", "n": None, "n/m": None, "n/m/c": "new"}
    assert staged.written == ["out/a", "out/n/m/c"]
    assert staged.removed == ["out/d/b", "out/d"]


def test_a_second_round_starts_from_what_the_first_has_brought_back(copy):
    (copy.guest / "a").write_text("first")
    copy.bring_back()
    assert copy.bring_back().written == []
    (copy.guest / "a").write_text("second")
    (copy.guest / "d" / "b").unlink()

    copy.bring_back()

    assert contents(copy.host) == {"a": "second", "d": None}


def test_nothing_is_changed_before_it_is_put_in_place_and_nothing_is_left_over(copy):
    (copy.guest / "a").write_text("changed")
    (copy.guest / "new").write_text("new")
    staged = copy.stage()
    assert (copy.host / "a").read_text() == "a"
    assert not (copy.host / "new").exists()

    staged.close()

    assert contents(copy.host) == {"a": "a", "d": None, "d/b": "b"}


def test_a_file_is_replaced_so_that_who_has_it_open_keeps_the_old_one(copy):
    (copy.guest / "a").write_text("changed")
    with (copy.host / "a").open() as reader:
        copy.bring_back()
        assert reader.read() == "a"


def test_another_name_of_a_replaced_file_outside_keeps_its_content(copy, tmp_path):
    os.link(copy.host / "a", tmp_path / "other_name")
    (copy.guest / "a").write_text("changed")

    copy.bring_back()

    assert (copy.host / "a").read_text() == "changed"
    assert (tmp_path / "other_name").read_text() == "a"


@pytest.mark.parametrize("mode", [0o640, 0o755, 0o4755, 0o2755])
def test_a_replaced_file_keeps_its_permissions_but_gains_no_other_users_rights(copy, mode):
    (copy.host / "a").chmod(mode)
    (copy.guest / "a").write_text("changed")
    (copy.guest / "a").chmod(0o4777)

    copy.bring_back()

    assert stat.S_IMODE((copy.host / "a").stat().st_mode) == mode & 0o777


@pytest.mark.parametrize(("mode", "expected"), [(0o600, 0o644), (0o700, 0o755), (0o6777, 0o755)])
def test_a_new_file_has_the_permissions_that_the_host_gives_to_new_files(copy, mode, expected):
    before = os.umask(0o022)
    try:
        (copy.guest / "new").write_text("new")
        (copy.guest / "new").chmod(mode)
        copy.bring_back()
    finally:
        os.umask(before)

    assert stat.S_IMODE((copy.host / "new").stat().st_mode) == expected


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_replaced_file_keeps_its_owner_where_the_host_may_give_it_away(copy):
    os.chown(copy.host / "a", 12345, 23456)
    (copy.guest / "a").write_text("changed")

    copy.bring_back()

    facts = (copy.host / "a").stat()
    assert (facts.st_uid, facts.st_gid) == (12345, 23456)


def refused(copy, words):
    before = contents(copy.host)
    with pytest.raises(RefusedError, match=words):
        copy.bring_back()
    assert contents(copy.host) == before


@pytest.mark.parametrize("target", ["/etc/passwd", "a", "..", "/"])
def test_a_symbolic_link_that_the_guest_leaves_is_refused(copy, target):
    (copy.guest / "link").symlink_to(target)
    (copy.guest / "a").write_text("changed")

    refused(copy, "out/link: it is a symbolic link")


def test_a_pipe_that_the_guest_leaves_is_refused_and_not_waited_for(copy):
    os.mkfifo(copy.guest / "pipe")

    refused(copy, "out/pipe: it is a named pipe")


def test_a_name_that_is_not_utf8_is_refused(copy):
    (copy.guest / os.fsdecode(b"caf\xe9")).write_text("")

    refused(copy, r"out/caf\\xe9: its name is not UTF-8")


def test_a_file_in_place_of_a_link_of_the_hosts_is_refused(tmp_path):
    copy = Copy(tmp_path / "one")
    (tmp_path / "outside").mkdir()
    (copy.host / "link").symlink_to(tmp_path / "outside")
    copy.copy()
    (copy.guest / "link").mkdir()
    (copy.guest / "link" / "file").write_text("x")

    refused(copy, "out/link: on the host")
    assert contents(tmp_path / "outside") == {}


def test_a_folder_of_the_hosts_that_became_a_link_meanwhile_is_not_followed(copy, tmp_path):
    (tmp_path / "outside").mkdir()
    (copy.guest / "d" / "new").write_text("x")
    (copy.host / "d").rename(copy.host / "moved")
    (copy.host / "d").symlink_to(tmp_path / "outside")

    refused(copy, "out/d/new")
    assert contents(tmp_path / "outside") == {}


@pytest.mark.parametrize(
    ("meanwhile", "words"),
    [
        (lambda host: (host / "a").write_text("by somebody else"), "out/a: .* changed meanwhile"),
        (lambda host: (host / "a").unlink(), "out/a: .* meanwhile|No such file"),
        (lambda host: (host / "new").write_text("by somebody else"), "out/new: .* one meanwhile"),
    ],
)
def test_what_somebody_else_has_changed_on_the_host_is_not_overwritten(copy, meanwhile, words):
    (copy.guest / "a").write_text("changed")
    (copy.guest / "new").write_text("new")
    meanwhile(copy.host)

    refused(copy, words)


def test_a_change_between_staging_and_putting_in_place_is_seen(copy):
    (copy.guest / "a").write_text("changed")
    staged = copy.stage()
    (copy.host / "a").write_text("by somebody else")
    try:
        with pytest.raises(RefusedError, match="changed meanwhile"):
            put_all_in_place({"out": staged})
    finally:
        staged.close()

    assert contents(copy.host) == {"a": "by somebody else", "d": None, "d/b": "b"}


def test_files_that_the_guest_has_not_touched_may_be_changed_on_the_host(copy):
    (copy.host / "a").write_text("by somebody else")
    (copy.guest / "d" / "b").write_text("changed")

    copy.bring_back()

    assert contents(copy.host) == {"a": "by somebody else", "d": None, "d/b": "changed"}


def test_a_folder_in_which_the_host_has_something_more_is_not_removed(copy):
    (copy.host / "d" / "of the host").write_text("x")
    (copy.guest / "d" / "b").unlink()
    (copy.guest / "d").rmdir()

    staged = copy.bring_back()

    assert contents(copy.host) == {"a": "a", "d": None, "d/of the host": "x"}
    assert staged.removed == ["out/d/b"]


def test_of_several_folders_none_is_changed_if_one_is_refused(tmp_path):
    good, bad = Copy(tmp_path / "one").copy(), Copy(tmp_path / "two").copy()
    for copy in (good, bad):
        (copy.guest / "a").write_text("changed")
    staged = {"good": good.stage(), "bad": bad.stage()}
    (bad.host / "a").write_text("by somebody else")
    try:
        with pytest.raises(RefusedError):
            put_all_in_place(staged)
    finally:
        for each in staged.values():
            each.close()

    assert contents(good.host) == {"a": "a", "d": None, "d/b": "b"}


@pytest.mark.parametrize(("quota", "fits"), [(6, True), (5, False)])
def test_more_bytes_than_the_scratch_folder_may_hold_are_refused(tmp_path, quota, fits):
    copy = Copy(tmp_path / "one", ScratchQuota(size_bytes=quota)).copy()
    (copy.guest / "new").write_text("1234")
    if fits:
        copy.bring_back()
        assert (copy.host / "new").exists()
    else:
        refused(copy, "more than 5 bytes")


def test_a_file_that_claims_a_size_it_has_not_is_refused_unread(tmp_path):
    copy = Copy(tmp_path / "one", ScratchQuota(size_bytes=2**20)).copy()
    with (copy.guest / "sparse").open("wb") as file:
        file.truncate(1 << 40)

    refused(copy, "more than 1048576 bytes")


def test_a_failure_of_the_system_in_the_middle_tells_what_was_done(copy, monkeypatch):
    for name in ("x", "y"):
        (copy.guest / name).write_text(name)
    staged = copy.stage()
    original, calls = os.rename, []

    def rename(*args, **options):
        calls.append(args)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return original(*args, **options)

    monkeypatch.setattr(os, "rename", rename)
    try:
        with pytest.raises(RefusedError, match="No space left"):
            put_all_in_place({"out": staged})
    finally:
        staged.close()

    assert staged.written == ["out/x"]
    assert contents(copy.host) == {"a": "a", "d": None, "d/b": "b", "x": "x"}

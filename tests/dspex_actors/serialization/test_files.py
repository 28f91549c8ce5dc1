"""A file is there as a whole or not at all, and what a dead writer left is swept away."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from dspex_actors.serialization import (
    Serializer,
    TooLargeError,
    TruncatedError,
    read_file,
    sweep,
    write_file,
)
from dspex_actors.serialization import _files as files


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_made_and_replaced_and_nothing_else_is_left(tmp_path):
    write_file(tmp_path / "a", b"one")
    write_file(tmp_path / "a", b"two")
    write_file(str(tmp_path / "b"), b"")

    assert read_file(tmp_path / "a", 10) == b"two"
    assert read_file(tmp_path / "b", 10) == b""
    assert names(tmp_path) == ["a", "b"]


def test_a_file_is_for_its_owner_alone_unless_told_otherwise(tmp_path):
    write_file(tmp_path / "a", b"x")
    write_file(tmp_path / "b", b"x", mode=0o640)

    assert [(tmp_path / name).stat().st_mode & 0o777 for name in "ab"] == [0o600, 0o640]


@pytest.mark.parametrize("flush", [True, False])
def test_content_is_flushed_before_the_name_and_the_folder_after_it(tmp_path, monkeypatch, flush):
    events = []
    real_sync, real_replace = os.fsync, files.Path.replace

    def sync(descriptor):
        events.append("folder" if Path(f"/proc/self/fd/{descriptor}").readlink() == tmp_path else "content")
        real_sync(descriptor)

    def replace(path, target):
        assert path.read_bytes() == b"content"
        events.append("rename")
        return real_replace(path, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(files.Path, "replace", replace)
    write_file(tmp_path / "a", b"content", flush=flush)

    assert events == (["content", "rename", "folder"] if flush else ["rename"])


def test_content_is_written_whole_although_the_kernel_takes_it_in_pieces(tmp_path, monkeypatch):
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real_write(descriptor, data[:3]))

    write_file(tmp_path / "a", b"0123456789")

    assert read_file(tmp_path / "a", 10) == b"0123456789"


@pytest.mark.parametrize("step", ["write", "fsync"])
def test_an_error_of_the_disk_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, step):
    write_file(tmp_path / "a", b"old")

    def fail(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="No space"):
        write_file(tmp_path / "a", b"new")
    monkeypatch.undo()

    assert read_file(tmp_path / "a", 10) == b"old"
    assert names(tmp_path) == ["a"]


@pytest.mark.integration
def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path):
    script = textwrap.dedent("""
        import resource, signal, sys
        from dspex_actors.serialization import write_file
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        write_file(sys.argv[1], b"x" * 100_000)
        try:
            write_file(sys.argv[1], b"y" * 100_001)
        except OSError as error:
            print(error.errno)
    """)
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a")], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr, done.stdout) == (0, "", "27\n")  # EFBIG
    assert read_file(tmp_path / "a", 100_000) == b"x" * 100_000
    assert names(tmp_path) == ["a"]


def test_a_missing_folder_is_an_error_and_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_file(tmp_path / "no" / "a", b"x")

    assert names(tmp_path) == []


def test_a_file_of_just_the_bound_is_read_and_a_larger_one_is_not(tmp_path):
    write_file(tmp_path / "a", b"12345")

    assert read_file(tmp_path / "a", 5) == b"12345"
    with pytest.raises(TooLargeError):
        read_file(tmp_path / "a", 4)


def test_a_name_as_long_as_names_may_be_can_be_written(tmp_path):
    write_file(tmp_path / ("n" * 255), b"x")

    assert read_file(tmp_path / ("n" * 255), 5) == b"x"


@pytest.mark.parametrize("end", [0, 1, 8, 100, -33, -1])
def test_a_file_that_was_cut_is_torn(tmp_path, end):
    serializer = Serializer(compression="none")
    serializer.save(tmp_path / "a", {"xs": list(range(50))}, schema_version="1")
    assert serializer.load(tmp_path / "a").header.schema_version == "1"
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:end])

    with pytest.raises(TruncatedError, match="torn"):
        serializer.load(tmp_path / "a")


def test_a_sweep_takes_what_dead_writers_left_and_leaves_all_else(tmp_path):
    write_file(tmp_path / "a", b"x")
    (tmp_path / ".a.0011.dspex-tmp").write_bytes(b"half")
    (tmp_path / ".b.0022.dspex-tmp").write_bytes(b"")
    (tmp_path / "mine.dspex-tmp").write_bytes(b"not a hidden one")

    assert [path.name for path in sweep(tmp_path)] == [".a.0011.dspex-tmp", ".b.0022.dspex-tmp"]
    assert names(tmp_path) == ["a", "mine.dspex-tmp"]
    assert sweep(str(tmp_path)) == []


def test_a_sweep_leaves_the_temporary_file_of_a_writer_that_lives(tmp_path, monkeypatch):
    swept = []
    real_write = os.write

    def write(descriptor, data):
        swept.extend(sweep(tmp_path))
        return real_write(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    write_file(tmp_path / "a", b"x")

    assert swept == []
    assert names(tmp_path) == ["a"]


def test_a_writer_whose_file_was_swept_before_it_had_the_lock_takes_another(tmp_path, monkeypatch):
    real_lock, swept = fcntl.flock, []

    def lock(descriptor, how):
        if not swept:
            monkeypatch.setattr(fcntl, "flock", real_lock)
            swept.extend(sweep(tmp_path))
        real_lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", lock)
    write_file(tmp_path / "a", b"x")

    assert len(swept) == 1
    assert read_file(tmp_path / "a", 1) == b"x"
    assert names(tmp_path) == ["a"]


def test_a_sweep_does_not_follow_a_link(tmp_path):
    (tmp_path / "target").write_bytes(b"x")
    (tmp_path / ".l.1.dspex-tmp").symlink_to(tmp_path / "target")

    with pytest.raises(OSError, match="symbolic link"):
        sweep(tmp_path)

    assert (tmp_path / "target").read_bytes() == b"x"

"""What was compiled is kept for us alone, whole, and within bounds."""

from __future__ import annotations

import os

import pytest

from dspex_actors import ConfigError
from dspex_actors.workers import BuildCache

A, B, C = "a" * 64, "b" * 64, "c" * 64


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "builds"


def test_a_program_is_found_again_by_its_key_and_no_other():
    cache = BuildCache()
    cache.put(A, b"program")

    assert cache.get(A) == b"program"
    assert cache.get(B) is None


def test_the_program_used_longest_ago_is_dropped_from_memory_first():
    cache = BuildCache(memory_bytes=20)
    cache.put(A, b"x" * 10)
    cache.put(B, b"y" * 10)
    cache.get(A)
    cache.put(C, b"z" * 10)

    assert [cache.get(key) is not None for key in (A, B, C)] == [True, False, True]


def test_a_program_larger_than_the_whole_cache_is_not_kept_and_drops_nothing():
    cache = BuildCache(memory_bytes=20)
    cache.put(A, b"x" * 20)
    cache.put(B, b"y" * 21)

    assert cache.get(A) is not None
    assert cache.get(B) is None


def test_a_folder_is_made_private_and_outlives_the_cache(folder):
    BuildCache(str(folder)).put(A, b"program")

    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / A).stat().st_mode & 0o777 == 0o600
    assert BuildCache(str(folder)).get(A) == b"program"


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
def test_a_folder_that_others_may_use_is_refused(folder, mode):
    folder.mkdir()
    folder.chmod(mode)

    with pytest.raises(ConfigError, match="ours alone"):
        BuildCache(str(folder))


def test_a_link_or_a_file_in_place_of_the_folder_is_refused(folder, tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "real")
    with pytest.raises(ConfigError, match="no link"):
        BuildCache(str(folder))

    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(ConfigError):
        BuildCache(str(file))


def test_a_folder_of_another_user_is_refused(folder, monkeypatch):
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    with pytest.raises(ConfigError, match="ours alone"):
        BuildCache(str(folder))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: data[:-3] + b"evi",
        lambda data: b"X" + data[1:],
        lambda _: b"",
    ],
    ids=["short", "long", "changed", "other format", "empty"],
)
def test_a_file_that_is_not_whole_is_not_returned_and_is_removed(folder, spoil):
    BuildCache(str(folder)).put(A, b"a program")
    path = folder / A
    path.write_bytes(spoil(path.read_bytes()))

    assert BuildCache(str(folder)).get(A) is None
    assert not path.exists()


def test_a_file_that_others_may_read_or_a_link_is_not_returned(folder, tmp_path):
    BuildCache(str(folder)).put(A, b"program")
    (folder / A).rename(tmp_path / "elsewhere")
    (folder / A).symlink_to(tmp_path / "elsewhere")
    assert BuildCache(str(folder)).get(A) is None
    assert (tmp_path / "elsewhere").exists()

    BuildCache(str(folder)).put(B, b"program")
    (folder / B).chmod(0o644)
    assert BuildCache(str(folder)).get(B) is None


def test_a_folder_drops_what_was_used_longest_ago_when_it_is_full(folder):
    cache = BuildCache(str(folder), folder_bytes=250)
    for age, key in ((300, A), (200, B)):
        cache.put(key, b"x" * 50)
        os.utime(folder / key, (1e9 - age, 1e9 - age))
    cache.put(C, b"x" * 50)

    assert sorted(path.name for path in folder.iterdir()) == [B, C]


def test_a_folder_that_is_gone_is_done_without(folder):
    cache = BuildCache(str(folder))
    folder.rmdir()
    cache.put(A, b"program")

    assert cache.get(A) == b"program"
    assert not folder.exists()

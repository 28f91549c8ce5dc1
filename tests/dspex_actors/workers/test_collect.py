"""Files come back whole or not at all, within the limits; what is left out is told."""

from __future__ import annotations

import os

import pytest

from dspex_actors import Limits
from dspex_actors.workers import _collect
from dspex_actors.workers._collect import collect

MIB = 2**20
ALL = ("**",)


@pytest.fixture
def collected(tmp_path):
    """Return a function that collects from the folder `tmp_path`."""

    def run(patterns=ALL, **limits):
        descriptor = os.open(tmp_path, os.O_RDONLY)
        try:
            return collect(descriptor, patterns, Limits(**limits))
        finally:
            os.close(descriptor)

    return run


def test_the_files_that_a_pattern_means_come_back_with_their_content(tmp_path, collected):
    (tmp_path / "plots" / "deep").mkdir(parents=True)
    (tmp_path / "a.csv").write_bytes(b"1,2")
    (tmp_path / "plots" / "deep" / "b.png").write_bytes(b"\0png")
    (tmp_path / "plots" / "c.txt").write_bytes(b"no")

    found = collected(("*.csv", "plots/**/*.png"))

    assert found == {"a.csv": b"1,2", "plots/deep/b.png": b"\0png"}
    assert found.left_out == {}


def test_without_a_match_there_is_an_empty_mapping(tmp_path, collected):
    (tmp_path / "a").write_text("x")

    assert collected(("*.csv",)) == {}


@pytest.mark.parametrize(("files", "complete"), [(3, True), (4, False)])
def test_files_beyond_their_number_are_left_out_and_told(tmp_path, collected, files, complete):
    for number in range(files):
        (tmp_path / f"{number}").write_text("x")

    found = collected(returned_files=3)

    assert list(found) == ["0", "1", "2"]
    assert (found.left_out == {}) is complete
    assert all("Limits.returned_files" in reason for reason in found.left_out.values())


@pytest.mark.parametrize(("size", "complete"), [(100, True), (102, False)])
def test_a_file_beyond_the_bytes_that_are_left_is_left_out_whole(tmp_path, collected, size, complete):
    (tmp_path / "a").write_bytes(b"x" * size)  # its name is a byte, too
    (tmp_path / "b").write_bytes(b"")

    found = collected(returned_bytes=102)

    assert ("a" in found) is complete
    assert "b" in found
    assert ("a" in found.left_out) is not complete


def test_no_limits_mean_that_everything_comes_back(tmp_path, collected):
    for number in range(300):
        (tmp_path / f"{number}").write_bytes(b"x" * 100)

    assert len(collected(returned_files=None, returned_bytes=None)) == 300


def test_a_file_that_claims_a_size_it_has_not_is_never_read(tmp_path, collected, monkeypatch):
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    (tmp_path / "small").write_text("x")
    monkeypatch.setattr(_collect._tree, "open_file", forbid("sparse", _collect._tree.open_file))

    found = collected()

    assert found == {"small": b"x"}
    assert str(1 << 40) in found.left_out["sparse"]


def forbid(name, function):
    """Return a function that must not be called for a name."""

    def call(folder, base):
        assert base != name
        return function(folder, base)

    return call


def test_a_file_that_grows_while_it_is_read_is_left_out(tmp_path, collected, monkeypatch):
    (tmp_path / "a").write_bytes(b"")
    original = _collect._tree.open_file

    def grow(folder, base):
        (tmp_path / base).write_bytes(b"x" * 200)
        return original(folder, base)

    monkeypatch.setattr(_collect._tree, "open_file", grow)

    assert list(collected(returned_bytes=100).left_out) == ["a"]


def test_links_and_pipes_that_a_pattern_means_are_told_and_not_read(tmp_path, collected):
    secret = tmp_path.parent / "secret.csv"
    secret.write_text("of the host")
    (tmp_path / "link.csv").symlink_to(secret)
    (tmp_path / "link.txt").symlink_to(secret)
    os.mkfifo(tmp_path / "pipe.csv")

    found = collected(("*.csv",))

    assert found == {}
    assert found.left_out == {"link.csv": "it is a symbolic link", "pipe.csv": "it is a named pipe"}


def test_hard_links_count_once_for_each_name(tmp_path, collected):
    (tmp_path / "a").write_bytes(b"x" * 100)
    for number in range(50):
        os.link(tmp_path / "a", tmp_path / f"l{number}")

    found = collected(returned_bytes=1000)

    assert len(found) == 9
    assert len(found.left_out) == 42


def test_what_is_told_is_bounded_and_says_how_much_more_there_was(tmp_path, collected):
    for number in range(250):
        (tmp_path / f"{number:03}").symlink_to("nowhere")

    left_out = collected().left_out

    assert len(left_out) == 101
    assert left_out[""] == "and 150 more"


def test_a_folder_that_hides_what_is_in_it_is_told_whatever_the_pattern(tmp_path, collected):
    (tmp_path / os.fsdecode(b"d\xff")).mkdir()
    folder = tmp_path
    for _ in range(40):
        folder /= "d"
    folder.mkdir(parents=True)

    assert set(collected(("*.csv",)).left_out) == {"d\\xff", "/".join(["d"] * 32)}


def test_a_file_that_vanishes_is_told(tmp_path, collected, monkeypatch):
    (tmp_path / "a").write_text("x")

    def vanish(*_):
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(_collect._tree, "open_file", vanish)

    assert collected().left_out == {"a": "it cannot be read: No such file or directory"}

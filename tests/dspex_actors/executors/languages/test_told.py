"""What an engine has told of itself is asked for once, and anew wherever what is kept cannot be relied on."""

from __future__ import annotations

import os
import sys

import pytest

from dspex_actors.executors.languages import _told
from dspex_actors.executors.languages._told import told_before


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Give an engine whose answers are counted; what it tells is kept below the test's folder."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    asked = []

    def tell(about=(b"1",), holds=lambda _: True):
        def answer():
            asked.append(about)
            return ("answer", str(len(asked)))

        return told_before("engine", about, answer, holds)

    tell.asked = asked
    return tell


def kept(tmp_path):
    (file,) = (tmp_path / "share" / "dspex-actors" / "engines").iterdir()
    return file


def test_the_same_engine_is_asked_once(ask):
    assert [ask(), ask()] == [("answer", "1"), ("answer", "1")]


@pytest.mark.parametrize("other", [(b"2",), (b"1", b""), (b"", b"1"), ()])
def test_an_engine_that_differs_in_anything_is_asked_itself(ask, other):
    ask()

    assert ask(other) == ("answer", "2")


def test_an_answer_that_holds_no_more_is_asked_for_anew_and_kept(ask):
    ask()

    assert ask(holds=lambda told: told[1] != "1") == ("answer", "2")
    assert ask() == ("answer", "2")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b'["a"', b"null", b'["\xff"]', b"[]" + b" " * (8 * 2**20)]
)
def test_a_file_that_is_none_of_ours_is_asked_for_anew_and_replaced(ask, tmp_path, content):
    ask()
    kept(tmp_path).write_bytes(content)

    assert ask() == ("answer", "2")
    assert ask() == ("answer", "2")


def test_a_file_or_a_folder_that_others_may_write_to_is_not_read(ask, tmp_path):
    ask()
    kept(tmp_path).chmod(0o666)
    assert ask() == ("answer", "2")
    kept(tmp_path).parent.chmod(0o777)

    assert ask() == ("answer", "3")


def test_a_link_and_a_pipe_in_the_place_of_the_file_are_not_followed(ask, tmp_path):
    ask()
    file = kept(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    assert ask() == ("answer", "2")
    file.unlink()
    os.mkfifo(file)

    assert ask() == ("answer", "3")


def test_what_cannot_be_kept_is_asked_for_each_time_and_leaves_nothing(ask, tmp_path):
    (tmp_path / "share").write_text("a file where the folder should be")

    assert [ask(), ask()] == [("answer", "1"), ("answer", "2")]
    assert [path.name for path in tmp_path.iterdir()] == ["share"]


def test_what_asking_raises_is_raised_and_nothing_is_kept(ask):
    def fail():
        raise OSError("no engine")

    with pytest.raises(OSError, match="no engine"):
        told_before("engine", (b"1",), fail, lambda _: True)
    assert ask() == ("answer", "1")


def test_outside_of_a_virtual_environment_it_is_kept_below_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    monkeypatch.setenv("HOME", str(tmp_path))

    assert _told.share_folder() == tmp_path / ".local" / "share" / "dspex-actors"

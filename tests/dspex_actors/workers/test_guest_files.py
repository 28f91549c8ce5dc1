"""The host's view of one scratch folder: what it is copied from, and what a result becomes with it."""

from __future__ import annotations

import os

import pytest

from dspex_actors import Completed, Failed, Limits, Policy, WorkerLostError, WritePathError
from dspex_actors.workers._guest_files import NO_RULES, GuestFiles, rules_of, take

LIMITS = Limits()


@pytest.fixture
def folders(tmp_path):
    """Return the host's folder, and the scratch folder."""
    found = tmp_path / "host", tmp_path / "scratch"
    for folder in found:
        folder.mkdir()
    (found[0] / "a").write_text("old")
    return found


@pytest.fixture
def files(folders):
    policy = Policy(write_paths={"out": folders[0]}, files=["**/*.log"])
    files = GuestFiles(os.open(folders[1], os.O_RDONLY), rules_of(policy))
    yield files
    files.close()


def ended(files, result=None, *, wanted=True):
    return files.end(result or Completed(value=5), LIMITS, wanted=lambda: wanted)


def test_a_result_that_completed_keeps_its_value_and_tells_what_was_written(files, folders):
    host, scratch = folders
    files.begin()
    (scratch / "out" / "a").write_text("new")
    (scratch / "out" / "x.log").write_text("log")

    result = ended(files)

    assert (result.value, result.files) == (5, {"out/x.log": b"log"})
    assert result.write_back.written == ("out/a", "out/x.log")
    assert (host / "a").read_text() == "new"


def test_a_result_that_nobody_waits_for_any_more_is_not_written_back(files, folders):
    files.begin()
    (folders[1] / "out" / "a").write_text("new")

    result = ended(files, wanted=False)

    assert "nobody waits" in result.write_back.reason
    assert (folders[0] / "a").read_text() == "old"


def test_a_refusal_makes_a_failure_with_all_that_the_result_told(files, folders):
    files.begin()
    (folders[1] / "out" / "link").symlink_to("/etc")

    result = ended(files, Completed(value=5, stdout="out", duration_s=1.5))

    assert isinstance(result, Failed)
    assert (result.error.type, result.stdout, result.duration_s) == ("WriteBackError", "out", 1.5)


def test_a_copy_that_is_current_is_not_made_again(files, folders):
    files.begin()
    before = (folders[1] / "out" / "a").stat().st_ino
    ended(files)

    files.begin()

    assert (folders[1] / "out" / "a").stat().st_ino == before


def test_after_a_bad_end_the_copy_is_made_again_and_nothing_of_the_old_one_stays(files, folders):
    files.begin()
    (folders[1] / "out" / "a").write_text("half")
    (folders[1] / "out" / "more").mkdir()
    failed = ended(files, Failed(error=None))

    files.begin()

    assert not failed.write_back.done
    assert [path.name for path in (folders[1] / "out").iterdir()] == ["a"]
    assert (folders[1] / "out" / "a").read_text() == "old"


@pytest.mark.parametrize(
    "change",
    [
        lambda host: (host / "a").write_text("longer than before"),
        lambda host: (host / "b").write_text(""),
        lambda host: (host / "a").unlink(),
        lambda host: (host / "d").mkdir(),
        lambda host: (host / "a").rename(host / "b"),
    ],
)
def test_a_change_on_the_host_makes_the_copy_again(files, folders, change):
    host, scratch = folders
    files.begin()
    ended(files)
    change(host)

    files.begin()

    assert {p.name for p in (scratch / "out").iterdir()} == {p.name for p in host.iterdir()}
    if (host / "a").exists():
        assert (scratch / "out" / "a").read_text() == (host / "a").read_text()


def test_a_link_in_place_of_the_copy_is_not_followed(files, folders, tmp_path):
    (tmp_path / "outside").mkdir()
    (folders[1] / "out").symlink_to(tmp_path / "outside")

    with pytest.raises(WritePathError, match="scratch folder"):
        files.begin()

    assert list((tmp_path / "outside").iterdir()) == []


def test_without_rules_there_is_nothing_to_part_from_the_descriptors_of_processes():
    assert take([7, 8], NO_RULES) == ([7, 8], None)


def test_the_folder_comes_last_and_is_missed_if_it_does_not_come(folders):
    rules = rules_of(Policy(files=["*"]))
    pidfd, folder = os.pidfd_open(os.getpid()), os.open(folders[1], os.O_RDONLY)

    left, files = take([pidfd, folder], rules)
    files.close()

    assert left == [pidfd]
    with pytest.raises(WorkerLostError, match="scratch folder"):
        take([pidfd], rules)
    assert take([], rules) == ([], None)

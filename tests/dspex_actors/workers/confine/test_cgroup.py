"""Where a process stands among control groups is read from what the kernel says of it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from dspex_actors.workers.confine import _cgroup
from dspex_actors.workers.confine._cgroup import Group, Place, places

UNIFIED = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
MEMORY = "31 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
PIDS = "32 23 0:28 / /sys/fs/cgroup/pids rw shared:9 - cgroup cgroup rw,pids\n"
CPU = "33 23 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
HYBRID = "34 23 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"


@pytest.mark.parametrize(
    ("cgroup", "mountinfo", "found"),
    [
        ("0::/user.slice/a.scope\n", UNIFIED, [("/sys/fs/cgroup/user.slice/a.scope", 2)]),
        ("0::/\n", UNIFIED, [("/sys/fs/cgroup", 2)]),
        (
            "0::/docker/abc\n",
            UNIFIED.replace(" / /sys", " /docker/abc /sys"),
            [("/sys/fs/cgroup", 2)],
        ),
        ("0::/other\n", UNIFIED.replace(" / /sys", " /docker/abc /sys"), []),
        ("0::/../other\n", UNIFIED, []),
        (
            "9:pids:/a\n4:memory:/m/x\n1:cpu,cpuacct:/c\n0::/u\n",
            MEMORY + PIDS + CPU + HYBRID,
            [("/sys/fs/cgroup/memory/m/x", 1), ("/sys/fs/cgroup/pids/a", 1), ("/sys/fs/cgroup/unified/u", 2)],
        ),
        (
            "3:memory,pids:/both\n",
            MEMORY.replace("rw,memory", "rw,memory,pids"),
            [("/sys/fs/cgroup/memory/both", 1)],
        ),
        ("4:memory:/m\n", "", []),
        ("", UNIFIED, []),
    ],
    ids=[
        "version 2",
        "version 2, the root",
        "version 2, a container that sees its own part",
        "version 2, a part that is not ours",
        "version 2, a group outside of the namespace",
        "both versions",
        "version 1, two controllers in one hierarchy",
        "nothing is mounted",
        "in no group",
    ],
)
def test_the_folders_of_our_own_groups_are_found(cgroup, mountinfo, found):
    assert places(cgroup, mountinfo) == [Place(*place) for place in found]


def test_where_no_group_can_be_made_the_last_refusal_is_told(tmp_path):
    closed = tmp_path / "file"
    closed.touch()

    with pytest.raises(OSError, match="mounted"):
        Group.make([])
    with pytest.raises(NotADirectoryError):
        Group.make([Place(str(closed), 2)])


def test_a_group_that_would_be_of_no_use_is_not_kept(tmp_path):
    with pytest.raises(OSError, match=r"neither cgroup\.kill nor controllers"):
        Group.make([Place(str(tmp_path), 2)])

    assert list(tmp_path.iterdir()) == []


def test_empty_groups_of_hosts_that_have_ended_are_removed_and_no_others(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    mine, theirs, full = (f"dspex-{pid}-1" for pid in (os.getpid(), ended.pid, ended.pid))
    full = full.replace("-1", "-2")
    for name in (mine, theirs, full, "other"):
        (tmp_path / name).mkdir()
    (tmp_path / full / "process").touch()

    _cgroup.remove_leftovers([Place(str(tmp_path), 2)])

    assert {path.name for path in tmp_path.iterdir()} == {mine, full, "other"}


def test_limits_are_written_where_there_are_files_for_them(tmp_path):
    for file in ("pids.max", "memory.max"):
        (tmp_path / file).touch()
    group = Group((Place(str(tmp_path), 2),))

    group.limit(memory_bytes=5, tasks=7)
    first = [(tmp_path / file).read_text() for file in ("memory.max", "pids.max")]
    group.limit(memory_bytes=None, tasks=None)
    second = [(tmp_path / file).read_text() for file in ("memory.max", "pids.max")]

    assert (group.powers, first, second) == (frozenset({"memory", "tasks"}), ["5", "7"], ["max", "max"])
    assert not (tmp_path / "memory.swap.max").exists()


def test_what_sockets_hold_is_bounded_where_the_kernel_counts_it_apart(tmp_path):
    files = "memory.limit_in_bytes", "memory.kmem.tcp.limit_in_bytes"
    for file in files:
        (tmp_path / file).touch()
    group = Group((Place(str(tmp_path), 1),))

    group.limit(memory_bytes=5, tasks=None)
    first = [(tmp_path / file).read_text() for file in files]
    group.limit(memory_bytes=None, tasks=None)

    assert first == ["5", "5"]
    assert [(tmp_path / file).read_text() for file in files] == ["-1", "-1"]


def test_a_bound_of_memory_that_is_in_use_stays_and_those_of_other_hierarchies_are_set(tmp_path, monkeypatch):
    memory, pids = tmp_path / "memory", tmp_path / "pids"
    for folder, file in ((memory, "memory.limit_in_bytes"), (pids, "pids.max")):
        folder.mkdir()
        (folder / file).touch()
    group = Group((Place(str(memory), 1), Place(str(pids), 1)))
    write = _cgroup._set

    def refuse(place, file, value):
        if file == "memory.limit_in_bytes":
            raise OSError(errno.EBUSY, "more is in use")
        write(place, file, value)

    monkeypatch.setattr(_cgroup, "_set", refuse)

    assert group.limit(memory_bytes=5, tasks=7) is False
    assert (pids / "pids.max").read_text() == "7"

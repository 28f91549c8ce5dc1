"""Control groups: a group for each worker that starts processes, to bound and to kill all of them together.

The host makes a group below its own, puts the worker into it before guest code runs, and removes it when all
is over. Nothing is configured outside of groups of our own, so what there is depends on the machine: the
kill is a matter of version 2, the limits of whichever version has the controller and lets us use it.
"""

from __future__ import annotations

import errno
import itertools
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_PREFIX = "dspex-"
_serial = itertools.count(1)

# By version of the control groups: the files that limit memory, limit tasks, tell what memory has ended.
_MEMORY = {1: "memory.limit_in_bytes", 2: "memory.max"}
_SWAP = {1: "memory.memsw.limit_in_bytes", 2: "memory.swap.max"}
_TCP = "memory.kmem.tcp.limit_in_bytes"  # of version 1, which counts it apart; version 2 counts it as memory
_TASKS = "pids.max"
_ENDED = {1: "memory.oom_control", 2: "memory.events"}
_KILL = "cgroup.kill"


class Place(NamedTuple):
    """Where this process stands in one hierarchy of groups.

    Attributes:
        folder: of its group.
        version: 1 or 2.
    """

    folder: str
    version: int


def places(cgroup: str, mountinfo: str) -> list[Place]:
    """Find out where a process stands in the hierarchies that could be of use: version 2, memory and pids.

    Args:
        cgroup: the content of its /proc/PID/cgroup.
        mountinfo: the content of its /proc/PID/mountinfo.
    """
    paths: dict[str, str] = {}
    for line in cgroup.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            paths[controller] = path  # version 2 has no controllers here
    found = []
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        root, target = before.split()[3:5]
        kind, _, options = after.split(" ", 2)
        names = {"cgroup2": {""}, "cgroup": {"memory", "pids"} & set(options.split(","))}.get(kind, set())
        for name in sorted(names & set(paths))[:1]:
            inside = os.path.relpath(paths[name], root)
            if ".." not in f"{inside}/{paths[name]}".split("/"):  # else the mount does not show our group
                folder = os.path.normpath(f"{target}/{inside}")
                found.append(Place(folder, 2 if kind == "cgroup2" else 1))
    return list(dict.fromkeys(found))


def own_places() -> list[Place]:
    """Return where we stand ourselves.

    Raises:
        OSError: there is no /proc.
    """
    return places(
        Path("/proc/self/cgroup").read_text("utf-8"), Path("/proc/self/mountinfo").read_text("utf-8")
    )


@dataclass(frozen=True)
class Group:
    """The groups of one worker, one in each hierarchy.

    Attributes:
        folders: of the groups, each with its version.
    """

    folders: tuple[Place, ...]

    @classmethod
    def make(cls, below: list[Place]) -> Group:
        """Make groups wherever we may and it is of use.

        Raises:
            OSError: there is no use anywhere; the last refusal.
        """
        refusal = OSError(2, "no control groups are mounted")
        made = []
        name = f"{_PREFIX}{os.getpid()}-{next(_serial)}"
        for place in below:
            folder = Path(place.folder, name)
            try:
                folder.mkdir()
            except OSError as error:
                refusal = error
                continue
            if any((folder / file).exists() for file in (_KILL, _MEMORY[place.version], _TASKS)):
                made.append(Place(str(folder), place.version))
            else:
                folder.rmdir()
                refusal = OSError(95, f"{place.folder} has neither {_KILL} nor controllers")
        if not made:
            raise refusal
        return cls(tuple(made))

    @property
    def powers(self) -> frozenset[str]:
        """What it can do: `kill`, limit `memory`, limit `tasks`."""
        found = set()
        for place in self.folders:
            files = {"kill": _KILL, "memory": _MEMORY[place.version], "tasks": _TASKS}
            found |= {power for power, file in files.items() if Path(place.folder, file).exists()}
        return frozenset(found)

    def add(self, pid: int) -> None:
        """Put a process into it; what it starts from then on is in it too.

        Raises:
            OSError: it is gone, or the kernel refused.
        """
        for place in self.folders:
            Path(place.folder, "cgroup.procs").write_text(str(pid), "utf-8")

    def limit(self, *, memory_bytes: int | None, tasks: int | None, is_raised: bool = False) -> bool:
        """Bound what all its processes may use together, as far as it has the power.

        Args:
            memory_bytes: beyond it the kernel kills one of them, or all with version 2.
            tasks: processes and threads.
            is_raised: whether the bound of memory was lower before; memory alone may never have a higher one
                than memory and swap together, which decides what is written first.

        Returns:
            False if the bound of memory stays as it was, for more is in use, which version 1 refuses.

        Raises:
            OSError: the kernel refused.
        """
        is_set = True
        for place in self.folders:
            _set(place, _TASKS, tasks)
            if place.version == 1:
                together = (_SWAP[1], _MEMORY[1]) if is_raised else (_MEMORY[1], _SWAP[1])
                try:
                    for file in (*together, _TCP):
                        _set(place, file, memory_bytes)
                except OSError as error:
                    if error.errno != errno.EBUSY:
                        raise
                    is_set = False
                continue
            _set(place, _MEMORY[2], memory_bytes)
            if memory_bytes is not None:
                _set(place, _SWAP[2], 0)
                _set(place, "memory.oom.group", 1)
        return is_set

    def memory_kills(self) -> int:
        """Return how many of its processes the kernel has killed for using too much memory."""
        for place in self.folders:
            with suppress(OSError):
                for line in Path(place.folder, _ENDED[place.version]).read_text("utf-8").splitlines():
                    name, _, number = line.partition(" ")
                    if name == "oom_kill":
                        return int(number)
        return 0

    def open_kill(self) -> int | None:
        """Return a descriptor on which one byte `1` kills all in it; None if it has not that power."""
        for place in self.folders:
            if place.version == 2:
                with suppress(OSError):
                    return os.open(Path(place.folder, _KILL), os.O_WRONLY | os.O_CLOEXEC)
        return None

    def kill(self) -> None:
        """Kill all in it, if it has the power; quiet if it is gone."""
        descriptor = self.open_kill()
        if descriptor is not None:
            try:
                os.write(descriptor, b"1")
            finally:
                os.close(descriptor)

    def processes(self) -> list[int]:
        """Return who lives in it."""
        found: list[int] = []
        for place in self.folders:
            with suppress(OSError):
                text = Path(place.folder, "cgroup.procs").read_text("utf-8")
                found += [int(pid) for pid in text.split()]
        return sorted(set(found))

    def remove(self) -> bool:
        """Remove it; False if somebody still lives in it. Quiet the second time."""
        removed = True
        for place in self.folders:
            try:
                Path(place.folder).rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                removed = False
        return removed


def _set(place: Place, file: str, value: int | None) -> None:
    """Write a limit, if there is such a file."""
    try:
        descriptor = os.open(f"{place.folder}/{file}", os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    none = "max" if place.version == 2 or file == _TASKS else "-1"
    try:
        os.write(descriptor, (none if value is None else str(value)).encode())
    finally:
        os.close(descriptor)


def remove_leftovers(below: list[Place]) -> None:
    """Remove empty groups of hosts that were killed."""
    for place in below:
        for folder in Path(place.folder).glob(f"{_PREFIX}*-*"):
            pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
            if pid.isdigit() and not Path("/proc", pid).exists():
                with suppress(OSError):
                    folder.rmdir()

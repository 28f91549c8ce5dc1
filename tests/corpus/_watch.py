"""What is watched from outside while a hostile program runs: processes, memory, files, listeners.

Nothing here asks the guest, and no process is known by its name: descendants are found by their parents (the
host is their subreaper, so a daemon cannot leave the tree), and those of a worker by the number of seccomp
filters, which the kernel keeps and no process can shed.
"""

from __future__ import annotations

import os
import signal
import socket
import stat
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LOOK_S = 0.005  # seconds between two looks at memory and files: growing is no event one could wait for
PAGE = os.sysconf("SC_PAGE_SIZE")


class Process(NamedTuple):
    """A living process; the start time tells it from a later one of the same number."""

    pid: int
    start_time: int


class Look(NamedTuple):
    """What one look at the processes below this one has shown.

    Attributes:
        living: each with its number of seccomp filters.
        dead: children that nobody has waited for, each with its process group; orphans become our children.
    """

    living: dict[Process, int]
    dead: dict[Process, int]


def look() -> Look:
    """Look at the processes below this one; one that is born meanwhile may be missed."""
    parents: dict[int, int] = {}
    started: dict[int, int] = {}
    dead: dict[Process, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it ended while we were looking
                tail = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                pid, parent, group, start = int(entry.name), int(tail[1]), int(tail[2]), int(tail[19])
                if tail[0] not in "ZX":
                    parents[pid], started[pid] = parent, start
                elif parent == os.getpid():
                    dead[Process(pid, start)] = group
    living, fresh = {}, {os.getpid()}
    while fresh:
        fresh = {pid for pid, parent in parents.items() if parent in fresh}
        living.update({Process(pid, started[pid]): filters_of(pid) for pid in fresh})
    return Look(living, dead)


def descendants() -> dict[Process, int]:
    """Return the living processes below this one, each with its number of seccomp filters."""
    return look().living


def pid_namespace(pid: int | str) -> int:
    """Return the number of a process's pid namespace; 0 if it is gone."""
    try:
        return Path(f"/proc/{pid}/ns/pid").stat().st_ino
    except OSError:
        return 0


def filters_of(pid: int) -> int:
    """Return how many seccomp filters a process has; 0 if it is gone."""
    return int(_status(pid).get("Seccomp_filters", "0"))


def _status(pid: int) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines()
    except OSError:
        return {}
    return {name: text.strip() for name, _, text in (line.partition(":") for line in lines)}


def kill(process: Process) -> None:
    """Kill one process that `descendants` has named."""
    with suppress(ProcessLookupError):
        pidfd = os.pidfd_open(process.pid)
        try:
            if process in descendants():  # the number is still this process's
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        finally:
            os.close(pidfd)


def resident_bytes(pid: int) -> int:
    """Return the resident size of a process; 0 if it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def disk_bytes(folder: str) -> int:
    """Return what the files in a folder and below take up."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(f"{path}/{name}").st_blocks * 512
    return total


class Sampler:
    """Keeps the highest figures while a program runs: memory of host and worker, files, processes.

    Args:
        worker: the worker's process id.
        disk: whether its folder is looked at as well.
        started: returns the process ids of what the worker has started; None if that is not looked for.
    """

    def __init__(self, worker: int, *, disk: bool, started: Callable[[], Iterable[int]] | None) -> None:
        self._worker = worker
        self._disk = disk
        self._started = started
        self._done = threading.Event()
        self._before = (resident_bytes(worker), resident_bytes(os.getpid()))
        self.worker_growth = self.host_growth = self.disk = self.tasks = 0
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._done.wait(_LOOK_S):
            self._look()

    def _look(self) -> None:
        idle, host = self._before
        family = [self._worker, *(self._started() if self._started is not None else ())]
        # A fork shares what its parent has, so it counts for what it has beyond an idle worker.
        growth = sum(max(0, resident_bytes(pid) - idle) for pid in family)
        self.worker_growth = max(self.worker_growth, growth)
        self.host_growth = max(self.host_growth, resident_bytes(os.getpid()) - host)
        self.tasks = max(self.tasks, len(family))
        if self._disk:
            self.disk = max(self.disk, disk_bytes(f"/proc/{self._worker}/cwd/"))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._done.set()
        self._thread.join()
        self._look()


class Listeners:
    """Live listeners of the host: TCP and UDP on one loopback port, and an abstract Unix name."""

    def __init__(self, abstract_name: str) -> None:
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self._tcp.getsockname()[1]
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", self.port))
        self._unix = socket.socket(socket.AF_UNIX)
        self._unix.bind("\0" + abstract_name)
        self._unix.listen()
        for sock in (self._tcp, self._udp, self._unix):
            sock.setblocking(False)

    def visits(self) -> list[str]:
        """Return what has come since the last call."""
        seen = []
        for name, listener in (("TCP", self._tcp), ("Unix", self._unix)):
            with suppress(BlockingIOError):
                listener.accept()[0].close()
                seen.append(name)
        with suppress(BlockingIOError):
            self._udp.recv(16)
            seen.append("UDP")
        return seen

    def close(self) -> None:
        """Close all three."""
        for sock in (self._tcp, self._udp, self._unix):
            sock.close()


@dataclass(frozen=True)
class HostState:
    """What a guest could have changed in the host process.

    Its sockets, pidfds and pipes come and go with its workers, and so do the files that kill their control
    groups: those are counted. The other files are compared.
    """

    environment: dict[str, str]
    initial_environment: bytes
    folder: str
    files: frozenset[tuple[int, str]]
    others: int
    priority: int
    processors: frozenset[int]

    @classmethod
    def take(cls) -> HostState:
        """Look at this process."""
        files, others = set(), 0
        for entry in Path("/proc/self/fd").iterdir():
            with suppress(OSError):  # the one that lists the folder
                target = entry.readlink()
                if stat.S_ISREG(os.fstat(int(entry.name)).st_mode) and target.name != "cgroup.kill":
                    files.add((int(entry.name), str(target)))
                else:
                    others += 1
        return cls(
            environment=dict(os.environ),
            initial_environment=Path("/proc/self/environ").read_bytes(),
            folder=os.getcwd(),  # noqa: PTH109 -- text is compared
            files=frozenset(files),
            others=others,
            priority=os.getpriority(os.PRIO_PROCESS, 0),
            processors=frozenset(os.sched_getaffinity(0)),
        )

    def difference(self, later: HostState) -> str:
        """Say what has changed; nothing if it has not."""
        changed = [name for name in self.__dataclass_fields__ if getattr(self, name) != getattr(later, name)]
        return f"changed: {', '.join(changed)}" if changed else ""


def wait_until(condition, seconds: float) -> bool:
    """Ask again and again until a condition holds; False if it does not within these seconds."""
    tick, deadline = threading.Event(), time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        tick.wait(_LOOK_S)
    return True

"""The zygote: a small, exec'd process that forks confined workers for one policy.

It is never a fork of the host, which has threads and secrets: `python -I -S` with an empty environment and
    one
inherited socket. It imports what workers need, freezes the heap so that forks share it, proves the sandbox
with a probe worker, and then forks one worker per request. It ends when the host closes its socket, and its
death ends all its workers.

Guarantees: one thread; a worker's pidfd and exit status come from here, never from the worker.
Assumption: nothing but the host writes to its socket.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import importlib.util
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

import msgspec

from dspex_actors.workers import _protocol, _scratch
from dspex_actors.workers.confine import _enter, _libc, _probe
from dspex_actors.workers.confine._limits import Baseline
from dspex_actors.workers.guest import _loop

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

_encode = msgspec.msgpack.encode

# What guest code imports most; a fork has them loaded.
_WARM = (
    "collections",
    "datetime",
    "functools",
    "itertools",
    "json",
    "math",
    "random",
    "re",
    "string",
    "typing",
)
_FIRST_FREE_FD = 10

# Numeric libraries start a thread per core unless told otherwise, each with a stack to be paid for.
_THREAD_SETTINGS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class PackageFinder:
    """Finds the packages that a policy names, wherever they lie, and nothing else beside them."""

    def __init__(self, packages: dict[str, str]) -> None:
        self._packages = packages

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002 -- the import system's signature
        """Return the spec of a named top-level package, None for anything else."""
        file = self._packages.get(name)
        if file is None:
            return None
        is_package = os.path.basename(file).startswith("__init__.")  # noqa: PTH119 -- pathlib is not loaded here
        folder = [os.path.dirname(file)] if is_package else None  # noqa: PTH120 -- see above
        return importlib.util.spec_from_file_location(name, file, submodule_search_locations=folder)


class Slot:
    """A scratch folder and the ruleset that opens it, lent to one worker at a time."""

    def __init__(self, path: str, ruleset: int | None) -> None:
        self.path = path
        self.ruleset = ruleset


class Zygote:
    """Forks workers, reaps them, lends and cleans their scratch folders."""

    def __init__(self, channel: socket.socket, config: _protocol.ZygoteConfig) -> None:
        self._channel = channel
        self._config = config
        self._stand_in = _stand_in()  # before anything else can get its descriptor
        self._environment = _THREAD_SETTINGS | config.environment
        self._confinement = _enter.Confinement(
            config.profile != "trusted",
            config.read_paths,
            config.listed_paths,
            frozenset(config.disabled_layers),
        )
        self._free: list[Slot] = []
        self._slots = 0
        self._children: dict[int, tuple[int, socket.socket | None, Slot]] = {}
        self._poll = select.epoll()

    def run(self) -> None:
        """Prepare, report, then serve until the host is gone."""
        os.environ.clear()
        os.environ.update(self._environment)
        worker = self._make_worker()
        self._confinement.prepare()
        layers = self._probe()
        gc.disable()  # the zygote makes no cycles; a worker switches collection on again
        _freeze()
        self._poll.register(self._channel.fileno(), select.EPOLLIN)
        self._channel.send(_encode(_protocol.Up(_protocol.VERSION, layers)))
        to_warm = list(reversed(_WARM))
        while True:
            events = self._poll.poll(0 if to_warm else None)
            if not events:
                importlib.import_module(to_warm.pop())
                if not to_warm:
                    _freeze()
                    worker.baseline = Baseline.measure()
            for descriptor, _ in events:
                if descriptor != self._channel.fileno():
                    self._reap(descriptor)
                elif not self._serve(worker):
                    self._leave()
                    return

    def _make_worker(self) -> _loop.Worker:
        """Import and rehearse what workers will do, then leave only what guests may import."""
        config = self._config
        stand_in, host = self._stand_in
        worker = _loop.Worker(stand_in, _loop.make_engine(config.profile, config.allow, config.forbid))
        worker.rehearse(host)
        host.close()
        if config.profile != "trusted":
            sys.path[:] = [path for path in sys.path if path not in _own_roots()]
            sys.path_importer_cache.clear()
        sys.meta_path.append(PackageFinder(config.packages))
        sys.argv[:] = sys.orig_argv[:] = [""]  # they tell of the host's folders
        for name in config.preload:
            importlib.import_module(name)
        if "numpy.random" in sys.modules:
            # As `random` does by itself; else every worker would draw the same numbers.
            os.register_at_fork(after_in_child=sys.modules["numpy.random"].seed)
        worker.baseline = Baseline.measure()
        return worker

    def _serve(self, worker: _loop.Worker) -> bool:
        """Answer one datagram of the host; False when the host is gone."""
        message, fds = _protocol.receive_with_fds(self._channel, 4096, 2)
        if message != _protocol.SPAWN:
            return False
        data, control = fds[0], socket.socket(fileno=fds[1])
        slot = self._take_slot()
        zygote_pid = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_worker(data, slot, worker, zygote_pid)
        os.close(data)
        pidfd = self._watch(pid, control, slot)
        _quietly_send(control, _encode(_protocol.Born(pid)), [pidfd])
        return True

    def _become_worker(self, data: int, slot: Slot, worker: _loop.Worker, zygote_pid: int) -> NoReturn:
        """Confine this freshly forked process and serve the host; never returns."""
        try:
            self._confinement.enter(data, slot.path, slot.ruleset, zygote_pid)
            gc.enable()
            worker.serve()
        finally:
            os._exit(0)

    def _watch(self, pid: int, control: socket.socket | None, slot: Slot) -> int:
        pidfd = os.pidfd_open(pid)
        self._children[pidfd] = (pid, control, slot)
        self._poll.register(pidfd, select.EPOLLIN)
        return pidfd

    def _reap(self, pidfd: int) -> None:
        """Collect a child that ended: tell the host its status, take its scratch folder back."""
        pid, control, slot = self._children.pop(pidfd)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        _, status, usage = os.wait4(pid, 0)
        if control is not None:
            exited = _protocol.Exited(status, usage.ru_utime + usage.ru_stime)
            _quietly_send(control, _encode(exited), [])
            control.close()
        try:
            with os.scandir(slot.path) as entries:
                dirty = next(entries, None) is not None
        except OSError:
            return  # an unconfined guest has removed its folder: lend it no more
        if not dirty:
            self._free.append(slot)
        elif control is not None:
            self._clean(slot)
        # What a cleaning child could not clean is lent no more; the host removes it at the end.

    def _clean(self, slot: Slot) -> None:
        """Empty a folder in a child of our own, so that a million files delay nobody."""
        pid = os.fork()
        if pid == 0:
            try:
                _libc.prctl(_libc.PR_SET_PDEATHSIG, signal.SIGKILL)
                _scratch.empty_folder(slot.path)
            finally:
                os._exit(0)
        self._watch(pid, None, slot)

    def _leave(self) -> None:
        """End all workers and remove what they left; the host may have died and cannot do it."""
        for pidfd, (pid, _, _) in self._children.items():
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.waitpid(pid, 0)
        with suppress(OSError):  # the host may be at it too
            _scratch.remove_folder(self._config.scratch)

    def _take_slot(self) -> Slot:
        if self._free:
            return self._free.pop()
        self._slots += 1
        path = f"{self._config.scratch}/{self._slots}"
        os.mkdir(path, 0o700)  # noqa: PTH102 -- pathlib is not loaded here
        return Slot(path, self._confinement.ruleset(path))

    def _probe(self) -> list[_protocol.LayerReport]:
        """Fork one worker that tries to break out and reports; see `confine._probe`."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        slot = self._take_slot()
        zygote_pid = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                ours.close()
                self._confinement.enter(theirs.detach(), slot.path, slot.ruleset, zygote_pid)
                reports = _probe.probe(self._confinement, self._environment)
                socket.socket(fileno=_enter.DATA_FD).sendall(_encode(reports))
            finally:
                os._exit(0)
        theirs.close()
        content = b""
        while part := ours.recv(_protocol.REPORT_CAP):
            content += part
        ours.close()
        os.waitpid(pid, 0)
        self._free.append(slot)
        if not content:
            msg = "the probe worker ended without a report"
            raise OSError(msg)
        return msgspec.msgpack.decode(content, type=list[_protocol.LayerReport])


def _stand_in() -> tuple[socket.socket, socket.socket]:
    """Reserve the descriptors that workers arrange; return the socket on theirs, and its other end."""
    stand_in, host = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    host = _move_away(host.detach())
    stand_in = _move_away(stand_in.detach())
    for reserved in (_enter.DATA_FD, _enter.RULESET_FD):
        os.dup2(stand_in.fileno(), reserved)
    stand_in.close()
    return socket.socket(fileno=_enter.DATA_FD), host


def _move_away(descriptor: int) -> socket.socket:
    """Move a socket out of the low numbers, which workers arrange for themselves."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE_FD)
    os.close(descriptor)
    return socket.socket(fileno=moved)


def _freeze() -> None:
    """Move all objects out of the collector's sight, so that forks go on sharing their pages."""
    gc.collect()
    gc.freeze()


def _quietly_send(control: socket.socket, message: bytes, fds: list[int]) -> None:
    """Send, unless the host has dropped this worker already."""
    try:
        _protocol.send_with_fds(control, message, fds)
    except OSError:
        return


def _own_roots() -> set[str]:
    """Return the folders that were put on the path to import this package and msgspec."""
    return set(sys.argv[2:])


def main() -> None:
    """Run a zygote on the socket whose descriptor is the first argument; the others are import roots."""
    if sys.modules.get("typing_extensions", sys) is None:
        del sys.modules["typing_extensions"]  # see the bootstrap
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's interrupt is the host's to handle
    _libc.use_one_heap()
    channel = _move_away(int(sys.argv[1]))
    config = msgspec.msgpack.decode(channel.recv(1 << 20), type=_protocol.ZygoteConfig)
    try:
        Zygote(channel, config).run()
    except Exception as error:  # noqa: BLE001 -- the boundary of this process: the host is to know why it ends
        _quietly_send(
            channel, _encode(_protocol.Up(_protocol.VERSION, [], f"{type(error).__name__}: {error}")), []
        )
        sys.exit(1)

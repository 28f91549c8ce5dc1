"""The zygote: a small, exec'd process that forks confined workers for one policy.

It is never a fork of the host, which has threads and secrets: `python -I -S` with an empty environment and
one inherited socket. It imports what workers need, freezes the heap so that forks share it, proves the
sandbox with a probe worker, and then forks one worker per request. It ends when the host closes its socket,
and its death ends all its workers.

Guarantees: one thread; a worker's pidfd and exit status come from here, never from the worker.
Assumption: nothing but the host writes to its socket.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import socket
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

import msgspec

from dspex_actors.workers import _protocol, _scratch, _trial
from dspex_actors.workers._engine_trial import EngineTrial
from dspex_actors.workers._package_finder import PackageFinder
from dspex_actors.workers._session_birth import SessionFds, become_keeper
from dspex_actors.workers._slots import Slots
from dspex_actors.workers._stand_in import move_away, stand_in
from dspex_actors.workers._zygote_child import Child
from dspex_actors.workers.confine import _enter, _libc, _own_network
from dspex_actors.workers.confine._limits import Baseline
from dspex_actors.workers.confine._view import View
from dspex_actors.workers.guest import _make

if TYPE_CHECKING:
    from dspex_actors.workers.confine._enter import Slot
    from dspex_actors.workers.guest._conversation import Conversation

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
_NO_COPIES = "the engine of its language cannot be copied"

# Numeric libraries start a thread per core unless told otherwise, each with a stack to be paid for.
_THREAD_SETTINGS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class Zygote:
    """Forks workers, reaps them, lends and cleans their scratch folders."""

    def __init__(self, channel: socket.socket, config: _protocol.ZygoteConfig) -> None:
        self._channel = channel
        self._config = config
        self._stand_in = stand_in()  # before anything else can get its descriptor
        self._environment = _THREAD_SETTINGS | config.environment
        self._confinement = _enter.Confinement(
            config.profile,
            View(
                config.read_paths,
                config.listed_paths,
                config.hidden_paths,
                config.lent_paths,
                config.withheld_paths,
                {} if config.engine is None else config.engine.links,
            ),
            config.scratch_quota,
            frozenset(config.disabled_layers),
            network=config.network,
        )
        self._children: dict[int, Child] = {}
        self._held: dict[int, Child] = {}  # ended; the host may still look at their scratch folders
        self._poll = select.epoll()
        self._slots: Slots
        self._engine_trial: EngineTrial | None = None

    def run(self) -> None:
        """Prepare, report, then serve until the host is gone."""
        os.environ.clear()
        os.environ.update(self._environment)
        worker = self._make_worker()
        if worker.look is not None:
            self._engine_trial = EngineTrial(worker.look)
        scratch = self._config.scratch
        above = os.open(os.path.dirname(scratch), os.O_PATH | os.O_DIRECTORY)  # noqa: PTH120 -- pathlib is not loaded here
        self._confinement.prepare(scratch)
        worker.counted_beside = self._confinement.counted_beside
        self._slots = Slots(self._confinement, scratch, self._poll)
        layers = _trial.try_layers(self._confinement, self._slots, self._environment)
        if self._confinement.host_servers is not None:
            self._confinement.host_servers.close()
        gc.disable()  # the zygote makes no cycles; a worker switches collection on again
        _freeze()
        self._poll.register(self._channel.fileno(), select.EPOLLIN)
        no_copies = _NO_COPIES if self._config.engine is not None else self._confinement.no_copies
        tries = self._engine_trial is not None
        self._channel.send(
            _encode(_protocol.Up(_protocol.VERSION, layers, no_copies=no_copies, tries_engine=tries))
        )
        if self._engine_trial is not None:
            self._poll.register(self._engine_trial.fileno(), select.EPOLLIN)
        to_warm = list(reversed(_WARM)) if self._config.engine is None else []
        while True:
            events = self._poll.poll(0 if to_warm else None)
            if not events:
                importlib.import_module(to_warm.pop())
                if not to_warm:
                    _freeze()
                    worker.baseline = Baseline.measure(self._confinement.proc)
            for descriptor, _ in events:
                if descriptor != self._channel.fileno():
                    self._hear(descriptor)
                elif not self._serve(worker):
                    self._leave(above)
                    return

    def _hear(self, descriptor: int) -> None:
        """Take note of what has come to an end."""
        if descriptor in self._held:
            self._let_go(descriptor)
        elif self._engine_trial is None or descriptor != self._engine_trial.fileno():
            self._reap(descriptor)
        else:
            self._poll.unregister(descriptor)
            self._channel.send(self._engine_trial.outcome())
            self._engine_trial = None

    def _make_worker(self) -> Conversation:
        """Import and rehearse what workers will do, then leave only what guests may import."""
        config = self._config
        stand_in, host = self._stand_in
        worker = _make.worker_of(config, stand_in)
        worker.rehearse(host)
        host.close()
        if config.profile != "trusted":
            sys.path[:] = [path for path in sys.path if path not in _own_roots()]
            sys.path_importer_cache.clear()
        sys.meta_path.append(PackageFinder(config.packages))
        sys.argv[:] = sys.orig_argv[:] = [""]  # they tell of the host's folders
        if config.network == "allow-list":  # before anything is loaded that takes a socket for its own
            worker.offer_network(_proxy_of(config.profile))
        for name in config.preload:
            importlib.import_module(name)
        if "numpy.random" in sys.modules:
            # As `random` does by itself; else every worker would draw the same numbers.
            os.register_at_fork(after_in_child=sys.modules["numpy.random"].seed)
        worker.baseline = Baseline.measure()
        return worker

    def _serve(self, worker: Conversation) -> bool:
        """Answer one datagram of the host; False when the host is gone."""
        message, fds = _protocol.receive_with_fds(self._channel, 4096, len(SessionFds._fields))
        if message == _protocol.SPAWN_SESSION:
            self._serve_session(worker, SessionFds(*fds))
            return True
        if message not in {_protocol.SPAWN, _protocol.SPAWN_BUILDER}:
            return False
        data, control = fds[0], socket.socket(fileno=fds[1])
        group = fds[2] if len(fds) > 2 else None
        slot = self._slots.take()
        zygote_pid = os.getpid()
        pid = self._slots.fork(slot)
        if pid == 0:
            worker.builds = message == _protocol.SPAWN_BUILDER
            self._become_worker(data, slot, worker, zygote_pid)
        os.close(data)
        fds = [self._watch(Child(pid, slot, control, group))]
        if slot.nanny is not None and self._confinement.leaves_processes:
            fds.append(slot.nanny.pidfd)
        self._announce(control, pid, fds, slot)
        return True

    def _announce(self, control: socket.socket, pid: int, fds: list[int], slot: Slot) -> None:
        """Tell the host of a child, and lend it the scratch folder if it is to look into that."""
        lent = []
        listener = None if slot.nanny is None else slot.nanny.listener
        if listener is not None:
            lent.append(listener.detach())
        if self._config.lends_scratch:
            with suppress(OSError):  # an unconfined guest has removed it: the new one will not get far either
                lent.append(os.open(slot.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        born = _protocol.Born(pid, has_listener=listener is not None)
        _quietly_send(control, _encode(born), [*fds, *lent])
        for descriptor in lent:
            os.close(descriptor)

    def _serve_session(self, worker: Conversation, fds: SessionFds) -> None:
        """Fork the keeper of a session, which forks the worker."""
        control = socket.socket(fileno=fds.control)
        slot = self._slots.take()
        zygote_pid = os.getpid()
        try:
            self._confinement.prepare_sessions()
            pid = self._slots.fork(slot, alone=True)
        except OSError as error:
            slot.is_alone = False
            self._slots.give_back(slot)
            _quietly_send(control, _encode(_protocol.Unborn(str(error))), [])
            control.close()
        else:
            if pid == 0:
                become_keeper(self._confinement, slot, worker, fds, zygote_pid)
            pidfds = [self._watch(Child(pid, slot, control))]
            if slot.nanny is not None:
                pidfds.append(slot.nanny.pidfd)
            self._announce(control, pid, pidfds, slot)
        for descriptor in (fds.data, fds.line, fds.meeting, fds.report):
            os.close(descriptor)

    def _become_worker(self, data: int, slot: Slot, worker: Conversation, zygote_pid: int) -> NoReturn:
        """Confine this freshly forked process and serve the host; never returns."""
        try:
            self._confinement.enter(data, slot, zygote_pid)
            gc.enable()
            worker.serve()
        finally:
            os._exit(0)

    def _watch(self, child: Child) -> int:
        pidfd = os.pidfd_open(child.pid)
        self._children[pidfd] = child
        self._poll.register(pidfd, select.EPOLLIN)
        return pidfd

    def _reap(self, pidfd: int) -> None:
        """Collect a child that ended: tell the host its status, take what it was lent back."""
        ended = self._slots.bury(pidfd)
        if ended is not None:
            for slot in ended:
                self._take_back(slot)
            return
        child = self._children.pop(pidfd)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        _, status, usage = os.wait4(child.pid, 0)
        if child.control is not None:
            exited = _protocol.Exited(status, usage.ru_utime + usage.ru_stime)
            _quietly_send(child.control, _encode(exited), [])
            if self._config.lends_scratch:
                self._hold(child, child.control)
            else:
                child.control.close()
        child.kill_group()
        guest = child.control is not None
        ends_alone = child.slot.is_alone or self._confinement.leaves_processes
        if guest and child.slot.nanny is not None and ends_alone:
            child.slot.is_ending = True
            child.slot.nanny.kill()
        else:
            self._take_back(child.slot, may_be_dirty=guest)

    def _hold(self, child: Child, control: socket.socket) -> None:
        """Keep what an ended child has left until the host has closed its end of the control socket."""
        child.slot.is_held = True
        self._held[control.fileno()] = child
        self._poll.register(control.fileno(), select.EPOLLIN)

    def _let_go(self, descriptor: int) -> None:
        """Take back what the host has looked at."""
        child = self._held.pop(descriptor)
        self._poll.unregister(descriptor)
        if child.control is not None:
            child.control.close()
        child.slot.is_held = False
        if not child.slot.is_ending:
            self._take_back(child.slot)

    def _take_back(self, slot: Slot, *, may_be_dirty: bool = True) -> None:
        """Free a slot in which nothing lives any more; empty its scratch folder before if it is to be."""
        if slot.is_held:
            return  # until it is let go
        try:
            if stat.S_IMODE(os.stat(slot.path).st_mode) != 0o700:  # noqa: PTH116 -- pathlib is not loaded here
                os.chmod(slot.path, 0o700)  # noqa: PTH101 -- the guest has shut it, and not only for itself
            with os.scandir(slot.path) as entries:
                dirty = next(entries, None) is not None
        except OSError:
            return  # an unconfined guest has removed its folder: lend it no more
        if not dirty:
            self._slots.give_back(slot)
        elif may_be_dirty:
            self._clean(slot)
        # What a cleaning child could not clean is lent no more; the host removes it at the end.

    def _clean(self, slot: Slot) -> None:
        """Empty a folder in a child of our own, so that a million files delay nobody."""
        pid = self._slots.fork(slot)
        if pid == 0:
            try:
                _libc.prctl(_libc.PR_SET_PDEATHSIG, signal.SIGKILL)
                _scratch.empty_folder(slot.path)
            finally:
                os._exit(0)
        self._watch(Child(pid, slot, None))

    def _leave(self, above: int) -> None:
        """End all workers and remove what they left; the host may have died and cannot do it.

        Args:
            above: descriptor of the folder that holds our own; it has no path in a root of our own.
        """
        if self._engine_trial is not None:
            self._engine_trial.close()
        for pidfd, child in self._children.items():
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.waitpid(child.pid, 0)
            child.kill_group()
        self._slots.close()
        with suppress(OSError):  # the host may be at it too
            if self._confinement.has_root:
                os.rmdir(os.path.basename(self._config.scratch), dir_fd=above)  # noqa: PTH119 -- pathlib is not loaded here
            else:
                _scratch.remove_folder(self._config.scratch)


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


def _proxy_of(profile: str) -> tuple[str, int] | None:
    """Return where the proxy of a network that is a list answers, for guests that start programs."""
    return (_own_network.ADDRESS, _own_network.PORT) if profile == "shell" else None


def _own_roots() -> set[str]:
    """Return the folders that were put on the path to import this package and msgspec."""
    return set(sys.argv[2:])


def main() -> None:
    """Run a zygote on the socket whose descriptor is the first argument; the others are import roots."""
    if sys.modules.get("typing_extensions", sys) is None:
        del sys.modules["typing_extensions"]  # see the bootstrap
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's interrupt is the host's to handle
    _libc.use_one_heap()
    channel = move_away(int(sys.argv[1]))
    # Asked to end, it ends as if the host had closed the socket: it collects its children first, for what
    # nobody collects would keep a pid namespace from ending.
    signal.signal(signal.SIGTERM, lambda *_: channel.shutdown(socket.SHUT_RD))
    config = msgspec.msgpack.decode(channel.recv(1 << 20), type=_protocol.ZygoteConfig)
    try:
        Zygote(channel, config).run()
    except Exception as error:  # noqa: BLE001 -- the boundary of this process: the host is to know why it ends
        _quietly_send(channel, _encode(_make.no_use(error)), [])
        sys.exit(1)

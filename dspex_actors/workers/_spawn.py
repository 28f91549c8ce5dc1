"""The host's side of a zygote: how to start one, what to tell it, and asking it for workers."""

from __future__ import annotations

import importlib.util
import itertools
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from dspex_actors._errors import ConfigError, WorkerLostError
from dspex_actors._paths import is_below
from dspex_actors._policy import NETWORK_LIST, Policy, Profile
from dspex_actors.workers import _groups, _network_paths, _network_trial, _protocol
from dspex_actors.workers._driver_watch import DriverWatch
from dspex_actors.workers._engine_setup import engine_modules
from dspex_actors.workers._fixes import in_order
from dspex_actors.workers._guest_files import NO_RULES, FileRules, rules_of
from dspex_actors.workers._host_paths import lent_paths, withheld_paths
from dspex_actors.workers._kept import KeptWorker
from dspex_actors.workers._process import WorkerProcess
from dspex_actors.workers._session_worker import SessionWorker
from dspex_actors.workers._starts import Starts
from dspex_actors.workers._system_paths import installed_packages, library_folders, read_paths
from dspex_actors.workers._zygote_news import answer_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dspex_actors._language import Language
    from dspex_actors.workers._build import Builder
    from dspex_actors.workers._engine_setup import EngineSetup
    from dspex_actors.workers._network_calls import Network
    from dspex_actors.workers._protocol import LayerReport

_Worker = TypeVar("_Worker", bound=WorkerProcess)

# msgspec prefers typing_extensions where it is installed; a zygote does without it, and without 12 ms.
_BOOTSTRAP = (
    "import sys; sys.path += sys.argv[2:]; sys.modules['typing_extensions'] = None; "
    "from dspex_actors.workers._zygote import main; main()"
)

# What glibc reads when the zygote starts: memory comes in huge pages, blocks from 4 MiB on one by one. All of
# the memory of a fresh worker is new, and 10 MiB cost 5 ms in page faults, but 0.9 ms in huge pages.
_ALLOCATOR = "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=4194304:glibc.malloc.trim_threshold=8388608"


def zygote_command(channel_fd: int, policy: Policy, language: Language | None = None) -> list[str]:
    """Return the command line of a zygote.

    Args:
        channel_fd: descriptor of its socket, which it must inherit.
        policy: what its guests may do; decides where it imports from.
        language: row of its language; None for Python.

    Raises:
        ConfigError: a package of the language is not installed.
    """
    # The environment's own interpreter link would make -S look for packages beside it.
    python = getattr(sys, "_base_executable", None) or sys.executable
    roots = _own_roots(policy, engine_modules(language))
    if policy.profile is Profile.TRUSTED:
        roots += [path or str(Path.cwd()) for path in sys.path]
    return [python, "-I", "-S", "-c", _BOOTSTRAP, str(channel_fd), *dict.fromkeys(roots)]


def zygote_environment() -> dict[str, str]:
    """Return the environment that a zygote is started with; its guests' environment has nothing of it."""
    return {"GLIBC_TUNABLES": _ALLOCATOR}


def _own_roots(policy: Policy, modules: Iterable[str]) -> list[str]:
    """Return the folders from which the zygote imports this package and what it needs."""
    names = ["dspex_actors", "msgspec", *modules]
    if policy.profile is Profile.STRICT:
        names.append("RestrictedPython")
    return list(dict.fromkeys(_root_of(Path(_file_of(name))) for name in names))


def _root_of(file: Path) -> str:
    """Return the folder from which a top-level package or module is imported."""
    return str(file.parent.parent if file.name.startswith("__init__.") else file.parent)


def _file_of(name: str) -> str:
    """Return the file of a top-level package or module of the host's environment.

    Raises:
        ConfigError: there is none, or it has no file of its own.
    """
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if "." in name or spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise ConfigError(
            "Policy.packages", name, "top-level packages that are installed in the host's environment"
        )
    return str(Path(spec.origin).resolve())


def zygote_config(
    policy: Policy,
    scratch: str,
    disabled_layers: Iterable[str] = (),
    engine: EngineSetup | None = None,
) -> _protocol.ZygoteConfig:
    """Return what a zygote is to be told.

    Args:
        policy: what its guests may do.
        scratch: an empty folder that the zygote may fill.
        disabled_layers: layers to leave out, to see what a lesser machine would do.
        engine: of its language; None for Python. Its guests see its files in place of the system's programs.

    Raises:
        ConfigError: a package of the policy is not installed, or a path is not there.
    """
    lent, profile = lent_paths(policy, scratch), Profile(policy.profile).value
    setup = None if engine is None else engine.config
    # cloudpickle is what the host's callables and objects are sent with.
    packages = {name: _file_of(name) for name in dict.fromkeys(("cloudpickle", *policy.packages))}
    return _protocol.ZygoteConfig(
        profile=profile,
        packages=packages,
        read_paths=[
            *read_paths(packages, programs=policy.profile is Profile.SHELL and engine is None),
            *(() if engine is None else engine.read_paths),
            *_network_paths.read_paths(policy.network_access),
            *lent,
        ],
        # The import system lists these; where installed packages cannot be hidden, their names can be seen.
        listed_paths=[str(folder) for folder in library_folders()],
        hidden_paths=[
            path for path in map(str, installed_packages()) if not any(is_below(path, each) for each in lent)
        ],
        lent_paths=lent,
        withheld_paths=withheld_paths(policy, scratch),
        lends_scratch=not rules_of(policy).is_empty,
        preload=list(policy.preload),
        environment=_network_paths.environment(policy) | dict(policy.environment),
        scratch=scratch,
        allow=policy.allow_imports,
        forbid=policy.forbid_imports,
        disabled_layers=sorted(disabled_layers),
        scratch_quota=_protocol.ScratchQuota(policy.scratch_bytes, policy.scratch_files),
        network=policy.network_access,
        engine=setup
        and msgspec.structs.replace(
            setup, read_paths=tuple(lent), profile=profile, proxy=_network_paths.proxy_of(policy)
        ),
    )


class ZygoteHandle:
    """The host's end of a zygote's socket. Any thread may ask it for a worker.

    Args:
        channel: the connected seqpacket socket; owned from now on.
        profile: name of the profile, for the facts in results.
        files: what the policy says about scratch folders.

    Attributes:
        layers: what the zygote's probe found; known after the handshake.
        no_copies: why the state of a session cannot be copied here; empty if it can. Known with the layers.
        network: makes the connections of guests; set before the handshake where the policy has a list.
        pid: its process id; set by whoever started it.
        engine: of its language, None for Python; known after the handshake.
        idle: what an idle driver of that uses, if it has drivers; as the engine.
        starts: its workers that somebody waits for.
        builder: compiles what its workers run; set after the handshake where that is needed.
    """

    def __init__(self, channel: socket.socket, profile: str, files: FileRules = NO_RULES) -> None:
        self._channel = channel
        self._profile = profile
        self._files = files
        self.starts = Starts()
        self._lock = threading.Lock()
        self._serial = itertools.count(1)
        self._groups: _groups.Groups | None = None
        self.engine: _protocol.EngineConfig | None = None
        self.idle = _protocol.Footprint()
        self._early: WorkerProcess | None = None
        self.builder: Builder | None = None
        self.layers: list[LayerReport] = []
        self.no_copies = ""
        self.network: Network | None = None
        self.pid = 0

    def handshake(
        self, config: _protocol.ZygoteConfig, timeout_s: float, *, with_worker: bool = False
    ) -> list[LayerReport]:
        """Configure the zygote and wait until it is up and its engine tried; return what its probe found.

        Args:
            config: what it is to be told.
            timeout_s: seconds it may take.
            with_worker: whether a first worker starts while its engine is tried; the next `spawn` returns it.

        Raises:
            EngineStartError: the engine of its language does not start.
            WorkerLostError: it ended, failed or did not answer in time.
        """
        self.engine = config.engine
        with suppress(OSError):  # then there is no answer either
            self._channel.send(msgspec.msgpack.encode(config))
        up = answer_of(self._channel, _protocol.Up, config.engine, timeout_s)
        if up.version != _protocol.VERSION:
            raise WorkerLostError(f"the zygote speaks protocol {up.version}, this host {_protocol.VERSION}")
        self.no_copies = up.no_copies
        group = self._try_group(config, timeout_s)
        layers = _groups.with_group_kill(up.layers, group)
        holds = any(layer.active for layer in layers if layer.name == "network")
        if config.network == NETWORK_LIST and self.network is not None and holds:
            worker = self._spawn_tried(self._make_group())
            layers = _network_trial.with_list(layers, worker, _network_trial.attempts_of(config), timeout_s)
        self.layers = in_order(layers, self._profile)
        if up.tries_engine:
            self._early = self.spawn() if with_worker else None
            self.idle = answer_of(self._channel, _protocol.Tried, config.engine, timeout_s).idle
        return self.layers

    def _try_group(self, config: _protocol.ZygoteConfig, timeout_s: float) -> LayerReport:
        """Find out whether workers can have control groups, with a first one."""
        if config.profile != Profile.SHELL.value:
            return _groups.missing("only guests that start processes have one")
        if "cgroup" in config.disabled_layers:
            return _groups.missing("switched off")
        try:
            self._groups = _groups.Groups(config.scratch_quota.size_bytes)
            group = self._groups.make()
        except OSError as error:
            self._groups = None
            return _groups.missing(str(error))
        worker = self._spawn_tried(group)
        try:
            report = _groups.try_group(worker, group, timeout_s)
        finally:
            worker.close()
        if not report.active:
            self._groups.close()
            self._groups = None
        return report

    def _spawn_tried(self, group: _groups.WorkerGroup | None) -> WorkerProcess:
        """Ask for a worker that takes trials of the host's and starts no engine."""
        return self._spawn(WorkerProcess, 0, group, _protocol.SPAWN_BUILDER)

    def spawn(self) -> WorkerProcess:
        """Ask for one more worker; returns before it is ready, see `WorkerProcess.wait_ready`.

        Raises:
            WorkerLostError: the zygote is gone.
        """
        early = self._take_early()
        if early is not None and early.driver is not None:
            early.driver.footprint = self.idle
            return early
        return self._spawn(WorkerProcess, self.new_id(), self._make_group())

    def spawn_builder(self) -> WorkerProcess:
        """Like `spawn`, for a worker that will compile a program.

        Raises:
            WorkerLostError: the zygote is gone.
        """
        return self._spawn(WorkerProcess, self.new_id(), self._make_group(), _protocol.SPAWN_BUILDER)

    def _take_early(self) -> WorkerProcess | None:
        with self._lock:
            early, self._early = self._early, None
            return early

    def spawn_kept(self, no_copies: str) -> KeptWorker:
        """Like `spawn`, for a worker that will serve many calls.

        Args:
            no_copies: why its state cannot be copied.

        Raises:
            WorkerLostError: the zygote is gone.
        """
        worker = self._spawn(KeptWorker, self.new_id(), self._make_group())
        worker.no_copies = no_copies
        worker.grace_s = 0.0 if self.engine is None else self.engine.grace_s
        return worker

    def spawn_session(self, *, reseed: bool) -> SessionWorker:
        """Like `spawn`, for a worker that will serve many calls and whose state can be copied.

        Args:
            reseed: whether random generators start anew in a copy that is woken.

        Raises:
            WorkerLostError: the zygote is gone.
        """
        data, their_data = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(3)]
        (control, their_control), (line, their_line), (meeting, report) = pairs
        meeting.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)  # before anybody can write
        sent = [their_data, their_control, their_line, meeting, report]
        try:
            with self._lock:
                _protocol.send_with_fds(
                    self._channel, _protocol.SPAWN_SESSION, [each.fileno() for each in sent]
                )
        except OSError as error:
            for each in (data, control, line):
                each.close()
            raise WorkerLostError(f"the zygote is gone: {error}") from error
        finally:
            for each in sent:
                each.close()
        facts = self.new_id(), self._profile, self._sandbox
        worker = SessionWorker(data, control, *facts, line=line, reseed=reseed)
        worker.file_rules = self._files
        worker.use_network(self.network)
        worker.zygote_pid = self.pid
        return worker

    def new_id(self) -> int:
        """Return a number for one more worker."""
        return next(self._serial)

    @property
    def _sandbox(self) -> dict[str, bool]:
        return {layer.name: layer.active for layer in self.layers}

    def _make_group(self) -> _groups.WorkerGroup | None:
        """Make a control group for a worker, where workers have them.

        Raises:
            WorkerLostError: the kernel refused.
        """
        try:
            return None if self._groups is None else self._groups.make()
        except OSError as error:
            raise WorkerLostError(f"no control group for a worker: {error}") from error

    def _spawn(
        self,
        kind: type[_Worker],
        worker_id: int,
        group: _groups.WorkerGroup | None,
        message: bytes = _protocol.SPAWN,
    ) -> _Worker:
        data, worker_data = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        control, zygote_control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with self._lock, worker_data, zygote_control:
                fds = [worker_data.fileno(), zygote_control.fileno()]
                if group is not None and group.kill_fd is not None:
                    fds.append(group.kill_fd)
                _protocol.send_with_fds(self._channel, message, fds)
        except OSError as error:
            data.close()
            control.close()
            if group is not None:
                group.close()
            raise WorkerLostError(f"the zygote is gone: {error}") from error
        worker = kind(data, control, worker_id, self._profile, self._sandbox, group)
        worker.driver = DriverWatch(self.idle) if self.engine is not None else None
        worker.file_rules = self._files
        worker.use_network(self.network)
        worker.zygote_pid = self.pid
        return worker

    @property
    def gone(self) -> bool:
        """Whether the zygote has ended, or this handle is closed."""
        try:
            return not self._channel.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def close(self) -> None:
        """Close the socket: the zygote ends, and with it all its workers."""
        self._channel.close()
        if (early := self._take_early()) is not None:
            early.close()
        if self.builder is not None:
            self.builder.close()
        if self._groups is not None:
            self._groups.close()

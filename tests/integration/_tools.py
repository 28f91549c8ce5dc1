"""What the integration tests share: a zygote without actors, waits for processes, runtimes, their events."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from dspex_actors import Limits, Policy, Profile, Runtime, RuntimeConfig
from dspex_actors._config import ExecutorConfig
from dspex_actors.executors import GetProcesses, GetStats
from dspex_actors.executors._variables import encode_variables
from dspex_actors.workers import (
    ZygoteHandle,
    remove_folder,
    rules_of,
    zygote_command,
    zygote_config,
    zygote_environment,
)

CEILING_S = 20.0  # seconds; what only a failing test waits for
MIB = 2**20
QUICK = Limits(time_s=10.0)
SHORT = Limits(time_s=0.3)


class ThreadTimers:
    """Timers without a System: each is a thread."""

    def arm(self, seconds, callback):
        timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), callback)
        timer.daemon = True
        timer.start()
        return timer


TIMERS = ThreadTimers()


class BareZygote:
    """A real zygote process and its handle, without any actor."""

    def __init__(self, policy=None, disabled=()):
        policy = policy or Policy()
        self.scratch = tempfile.mkdtemp(prefix="dspex-")
        try:
            config = zygote_config(policy, self.scratch, disabled)
        except BaseException:
            remove_folder(self.scratch)
            raise
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                zygote_command(theirs.fileno(), policy),
                env=zygote_environment(),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.handle = ZygoteHandle(ours, Profile(policy.profile).value, rules_of(policy))
        self.handle.pid = self.process.pid
        try:
            self.handle.handshake(config, CEILING_S)
        except BaseException:
            self.close()
            raise

    @property
    def layers(self):
        return {layer.name: layer for layer in self.handle.layers}

    @contextmanager
    def worker(self):
        worker = self.handle.spawn()
        try:
            worker.wait_ready(CEILING_S, TIMERS)
            yield worker
        finally:
            assert worker.close()

    def run(self, code, limits=QUICK, variables=None, **options):
        with self.worker() as worker:
            return worker.execute(code, encode_variables(variables or {}), limits, TIMERS, **options)

    def close(self):
        self.handle.close()
        try:
            self.process.wait(CEILING_S)
        finally:
            self.process.kill()
            self.process.wait()
            remove_folder(self.scratch)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()


def wait_end(pidfd, seconds=CEILING_S) -> bool:
    """Wait until the process behind a pidfd has ended; False if it has not."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


@contextmanager
def pidfds_of(executor):
    """Yield new pidfds of an executor's zygote and workers, by process id; the zygote comes first."""
    found = executor.call(GetProcesses())
    try:
        yield {pid: pidfd for pidfd, pid in found.items()}
    finally:
        for pidfd in found:
            os.close(pidfd)


def sigkill(pidfd):
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    assert wait_end(pidfd)


def runtime_of(**options) -> Runtime:
    """Return a runtime; options are those of the executor's config, or of the runtime's."""
    own = {
        key: options.pop(key)
        for key in (
            "max_policies",
            "max_sessions",
            "stop_timeout_s",
            "handle_signals",
            "languages",
            "engines",
        )
        if key in options
    }
    options.setdefault("limits", QUICK)
    return Runtime(RuntimeConfig(executor=ExecutorConfig(**options), **own))


class Events:
    """The telemetry of a runtime, kept in order; waiting for an event instead of sleeping."""

    def __init__(self, telemetry, name="*"):
        self._changed = threading.Condition()
        self._seen = []
        self.detach = telemetry.attach(name, self._note)

    def _note(self, event, measurements, metadata):
        with self._changed:
            self._seen.append((event, dict(measurements), dict(metadata)))
            self._changed.notify_all()

    def named(self, name):
        with self._changed:
            return [(measurements, facts) for event, measurements, facts in self._seen if event == name]

    def wait(self, name, times=1, seconds=CEILING_S):
        """Return the first `times` events of a name, once they have come."""

        def there():
            return sum(event == name for event, _, _ in self._seen) >= times

        with self._changed:
            assert self._changed.wait_for(there, seconds), f"{name} came {len(self._seen)} times"
        return self.named(name)[:times]


def wait_stats(runtime, condition):
    """Wait until the executor's books meet a condition; it is asked again after each of its own messages."""
    tick = threading.Event()
    for _ in range(4000):
        stats = runtime.executor.call(GetStats())
        if condition(stats):
            return stats
        tick.wait(0.005)
    raise AssertionError(stats)


def generations(runtime):
    return {node.id: node.generation for node in runtime.tree().walk()}


def process_ids(pid) -> list[int]:
    """Return the process ids of a process: the one we know it by, then those of its own namespaces."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return [int(number) for number in status.partition("NSpid:")[2].partition("\n")[0].split()]


def pid_in(runtime, folder) -> int:
    """Return the process id of the guest that works in a folder; the one it knows is its namespace's."""
    found = []
    with pidfds_of(runtime.executor) as pidfds:
        for pid in pidfds:
            with suppress(OSError):  # a worker that has just ended
                if str(Path(f"/proc/{pid}/cwd").readlink()) == folder:
                    found.append(pid)
    assert len(found) == 1
    return found[0]


def scratch_folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("dspex-*"))


GATED = """
import os, time
print(os.getcwd())
while not os.path.exists("gate"):
    time.sleep(0.002)
"passed"
"""


class Gated:
    """A guest that runs until the test opens its gate; it is running when this object has been made."""

    _waiting: ClassVar[list[int]] = []

    def __init__(self, runtime, **options):
        self._running = threading.Event()
        self._folder = ""
        options.setdefault("limits", Limits(time_s=60))
        self.future = runtime.submit(GATED, on_output=self._on_output, **options)
        assert self._running.wait(CEILING_S)
        self.pid = pid_in(runtime, self._folder)
        self._waiting.append(self.pid)

    def _on_output(self, stream, text):
        del stream
        if not self._running.is_set():
            self._folder = text.strip()
            self._running.set()

    def pidfd(self):
        return os.pidfd_open(self.pid)

    @classmethod
    def open(cls):
        """Let all gated guests pass."""
        while cls._waiting:
            with suppress(FileNotFoundError, ProcessLookupError):  # it was killed
                Path(f"/proc/{cls._waiting.pop()}/cwd/gate").touch()


class RunningCall:
    """A call in a session that has begun and ends only by a kill."""

    CODE = "import threading\nprint('running')\nthreading.Event().wait()"

    def __init__(self, session, **options):
        begun = threading.Event()
        options.setdefault("limits", Limits(time_s=60))
        self.future = session.submit(self.CODE, on_output=lambda *_: begun.set(), **options)
        assert begun.wait(CEILING_S)


def mutated(random, raw: bytes) -> bytes:
    """Return the bytes with up to four of them changed, some removed, some put in."""
    data = bytearray(raw)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(data))
        match random.randrange(3):
            case 0:
                data[at] = random.randrange(256)
            case 1:
                del data[at : at + random.randint(1, 4)]
            case 2:
                data[at:at] = random.randbytes(random.randint(1, 4))
        data = data or bytearray(b"\0")
    return bytes(data)

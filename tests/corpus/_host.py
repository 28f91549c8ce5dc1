"""The process under attack: it has a secret and runs hostile programs in a runtime of its own.

A script. Its first line of input says how it is set up, each later one names an entry; it answers each with
one line of JSON: what is wrong, by the name of the check. Whoever started it watches it from outside, since a
program that gets through may end it.

The secret is in its environment, its command line, its memory, a file of its user's, the file that a guest
would take for its user's ssh key, and in the execution before each program.
"""

from __future__ import annotations

import concurrent.futures
import json
import os
import resource
import signal
import sys
import sysconfig
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dspex_actors import GIB, Policy, Runtime, RuntimeConfig, SandboxUnavailableError
from dspex_actors._config import ExecutorConfig
from dspex_actors._policy import ESSENTIAL_LAYERS
from dspex_actors.executors import GetProcesses, GetStats, _zygote_actor
from dspex_actors.workers import zygote_config
from dspex_actors.workers.confine import _libc
from tests._leaks import become_subreaper
from tests.corpus._checks import CHECKS, GRACE_S, LIMITS, SCRATCH_BYTES, Seen
from tests.corpus._entries import load_entries
from tests.corpus._leftovers import Family
from tests.corpus._watch import HostState, Listeners, Sampler, disk_bytes, filters_of, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTLE_S = 10.0  # seconds until a spare worker must be ready
ONE_PROCESS = frozenset({"strict", "process"})  # profiles whose guests are one process each
EXECUTING = frozenset({"pickle.find_class", "os.system"})

NEXT = {
    "strict": ("import json\n(6 * 7, sum([1, 2]), json.loads('[1]'))", (42, 3, [1])),
    "process": (
        "import json, os\n(6 * 7, sum([1, 2]), json.loads('[1]'), os.listdir('.'), 'r' in globals())",
        (42, 3, [1], [], False),
    ),
}
NEXT["trusted"] = NEXT["shell"] = NEXT["process"]
VICTIM = {
    "strict": "kept = secret\nprint(kept)",
    "process": "kept = secret\nopen('kept', 'w').write(kept)\nprint(kept)",
}
VICTIM["trusted"] = VICTIM["shell"] = VICTIM["process"]


def contain_ourselves() -> None:
    """Bound what this process and all below it can use, whatever gets out of the sandbox."""
    become_subreaper()
    _libc.prctl(_libc.PR_SET_PDEATHSIG, signal.SIGKILL)  # when the thread that started us ends
    for kind, most in (
        (resource.RLIMIT_CPU, 300),
        (resource.RLIMIT_NPROC, 4096),
        (resource.RLIMIT_FSIZE, GIB // 4),
        (resource.RLIMIT_CORE, 0),
    ):
        _, highest = resource.getrlimit(kind)
        least = most if highest == resource.RLIM_INFINITY else min(most, highest)
        resource.setrlimit(kind, (least, least))


class Host:
    """A runtime with a secret, attacked by one program after the other.

    Args:
        profile: of the guests.
        disabled: layers that its zygote leaves out.
        network: what the policy lists; nothing for no network.
        token: in the name of all that a program may leave outside.
        canary: the secret.
        folder: an empty folder of its own, a short way from the root.

    Raises:
        SandboxUnavailableError: an essential layer is missing that was not given up.
    """

    def __init__(
        self, *, profile: str, disabled: list[str], network: list[str], token: str, canary: str, folder: str
    ) -> None:
        home = Path(folder)
        self._profile = profile
        self._canary = canary
        self._token = token
        self._entries = load_entries()
        self._executed: list[str] = []
        self._secret = home / "secret"
        _write_secret(self._secret, f"V{canary}\np0\n.")  # text, and a pickle of the secret as well
        key = home / "home" / ".ssh" / "id_rsa"
        key.parent.mkdir(parents=True)
        _write_secret(key, canary)
        (home / "tmp").mkdir()
        tempfile.tempdir = str(home / "tmp")
        self._listeners = Listeners(f"dspex-host-abstract-{token}")
        _zygote_actor.zygote_config = partial(zygote_config, disabled_layers=disabled)
        policy = Policy(
            profile=profile,
            environment={"HOME": str(home / "home")},
            require=None if profile == "trusted" else ESSENTIAL_LAYERS - set(disabled),
            scratch_bytes=SCRATCH_BYTES,
            network=tuple(network) or None,
        )
        executor = ExecutorConfig(policy=policy, limits=LIMITS, spares=1, max_workers=2)
        try:
            self._runtime = Runtime(RuntimeConfig(executor=executor))
        except SandboxUnavailableError:
            self._listeners.close()
            raise
        self._replies: dict[str, int] = {}
        self._runtime.telemetry.attach("execution.finished", self._count)
        self._mark = filters_of(self._worker())
        sys.addaudithook(self._note)

    def facts(self) -> dict[str, object]:
        """Return what decides which leaks are expected; among the layers `cgroup:POWER` for each power."""
        active = {layer.name: layer.detail for layer in self._runtime.sandbox_report().layers if layer.active}
        powers = [power for power in ("kill", "memory", "processes") if power in active.get("cgroup", "")]
        return {
            "uid": os.getuid(),
            "layers": [*active, *(f"cgroup:{power}" for power in powers)],
            "owns_library": os.access(sysconfig.get_path("stdlib"), os.W_OK),
            "refusal": "",
        }

    def close(self) -> bool:
        """Stop; True if nothing had to be left behind."""
        clean = self._runtime.stop().clean
        self._listeners.close()
        return clean

    def attack(self, name: str) -> dict[str, str]:
        """Run one entry; return what is wrong, by check: an empty text where it holds."""
        entry = self._entries[name]
        victim = self._runtime.execute(VICTIM[self._profile], variables={"secret": self._canary})
        if victim.stdout.strip() != self._canary:
            raise RuntimeError(f"the execution that holds the secret failed: {victim}")
        worker = self._worker()
        scratch = str(Path(f"/proc/{worker}/cwd").readlink())
        watched = self._watched(scratch)
        facts = {
            "HOSTPID": os.getpid(),
            "HOSTPORT": self._listeners.port,
            "SECRETFILE": self._secret,
            "SCRATCH": scratch,
            "TOKEN": self._token,
        }
        program = entry.program(facts)
        before = HostState.take()
        with self._family(worker) as family:
            counted = self._profile not in ONE_PROCESS and {"bounded_mem", "bounded_tasks"} & {*entry.must}
            started = family.started if counted else None
            with Sampler(worker, disk="bounded_disk" in entry.must, started=started) as sampler:
                result, raised = self._run(program, entry.id)
            leftovers = family.leftovers()
        following = self._following()
        again = self._runtime.execute(program).value if "fresh_random" in entry.must else None
        self._worker()
        seen = Seen(
            entry=entry,
            canary=self._canary,
            result=result,
            raised=raised,
            replies=self._replies.pop(entry.id, 0),
            following=following,
            expected_next=NEXT[self._profile][1],
            again=again,
            host_change=before.difference(HostState.take()),
            leftovers=leftovers,
            visits=tuple(self._listeners.visits()),
            written=tuple(_removed(watched)),
            unpickled=tuple(self._executed),
            worker_growth=sampler.worker_growth,
            host_growth=sampler.host_growth,
            disk=max(sampler.disk, disk_bytes(scratch)),
            tasks=sampler.tasks,
        )
        self._executed.clear()
        return {check: CHECKS[check](seen) for check in entry.must if check in CHECKS}

    def _family(self, worker: int) -> Family:
        return Family(
            worker,
            mark=self._mark,
            known=self._processes,
            settle=self._worker,
            starts_processes=self._profile not in ONE_PROCESS,
        )

    def _run(self, program: str, tag: str):
        future = self._runtime.submit(program, tag=tag)
        try:
            return future.result(LIMITS.time_s + GRACE_S), ""
        except concurrent.futures.TimeoutError:
            future.cancel()
            return None, ""
        except Exception as error:  # noqa: BLE001 -- whatever a caller would have got is told
            return None, f"{type(error).__name__}: {error}"

    def _following(self):
        try:
            return self._runtime.submit(NEXT[self._profile][0]).result(LIMITS.time_s + GRACE_S)
        except Exception:  # noqa: BLE001 -- no result, whatever the reason
            return None

    def _worker(self) -> int:
        """Wait until the only spare is ready and nothing is under way; return its process id.

        Raises:
            RuntimeError: it is not ready in time.
        """
        if not wait_until(self._settled, SETTLE_S):
            raise RuntimeError(f"no spare worker: {self._runtime.executor.call(GetStats())}")
        return self._processes()[1]

    def _settled(self) -> bool:
        stats = self._runtime.executor.call(GetStats())
        return (stats.ready, stats.busy, stats.starting) == (1, 0, 0) and len(self._processes()) == 2

    def _processes(self) -> list[int]:
        """Return the process ids of the zygote and its workers."""
        found = self._runtime.executor.call(GetProcesses())
        for pidfd in found:
            os.close(pidfd)
        return list(found.values())

    def _watched(self, scratch: str) -> list[Path]:
        """Return the files that programs of the corpus would like to make."""
        name = f"dspex_pwned_{self._token}"
        return [
            Path("/tmp") / name,  # noqa: S108 -- a program's choice
            Path(scratch).parent / name,
            Path(sysconfig.get_path("stdlib")) / f"{name}.py",
        ]

    def _count(self, event: str, measurements: object, metadata: dict[str, object]) -> None:
        del event, measurements
        tag = str(metadata["tag"])
        self._replies[tag] = self._replies.get(tag, 0) + 1

    def _note(self, event: str, args: object) -> None:
        del args
        if event in EXECUTING:
            self._executed.append(event)


def _write_secret(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def _removed(paths: list[Path]) -> Iterator[str]:
    """Remove those of the files that exist; yield their names."""
    for path in paths:
        with suppress(FileNotFoundError):
            path.unlink()
            yield str(path)


def main() -> None:
    """Answer one line after the other until there is no more; one alone if nothing can be started."""
    contain_ourselves()
    try:
        host = Host(**json.loads(sys.stdin.readline()), canary=sys.argv[1])
    except SandboxUnavailableError as error:
        facts = {"uid": os.getuid(), "layers": [], "owns_library": False, "refusal": error.layer}
        sys.stdout.write(json.dumps(facts) + "\n")
        return
    try:
        answer: dict[str, object] = host.facts()
        while True:
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
            line = sys.stdin.readline()
            if not line:
                return
            answer = host.attack(json.loads(line))
    finally:
        host.close()


if __name__ == "__main__":
    main()

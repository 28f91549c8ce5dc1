"""The checks: pure functions from what was seen of one hostile program to what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dspex_actors import KIB, MIB, Completed, Failed, Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors import ExecutionResult
    from tests.corpus._entries import Entry

LIMITS = Limits(
    time_s=1.0,
    cpu_s=5.0,
    memory_bytes=64 * MIB,
    output_bytes=64 * KIB,
    result_bytes=MIB,
    file_bytes=4 * MIB,
    processes=24,
)
SCRATCH_BYTES = 16 * MIB
GRACE_S = 5.0  # seconds beyond the time limit until a caller counts as left hanging
LEFTOVER_S = 1.0  # seconds after the end in which every process of the worker has to be gone
MEMORY_SLACK = 48 * MIB  # what host and worker may each use beyond what they are allowed
TASKS_SLACK = 4  # processes that are on their way in or out when they are counted

REFUSALS = frozenset(
    "StrictViolationError SyntaxError NameError AttributeError ImportError ModuleNotFoundError TypeError "
    "PermissionError ValueError".split()
)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """All that was seen of one program.

    Attributes:
        entry: the program.
        result: what the caller got; None if nothing came in time.
        raised: what the caller got instead of a result.
        replies: how many results the executor says it gave.
        following: the result of the execution after it; None if none came.
        expected_next: the value that one has to give.
        canary: the host's secret.
        again: the value of a second run, for programs whose two runs are compared.
        host_change: how the host process differs from before.
        leftovers: processes of the worker that were still there.
        visits: which listeners were reached.
        written: files outside the scratch folder that the program made.
        unpickled: what the host looked up to rebuild an object, or started.
        worker_growth, host_growth, disk: highest values, in bytes; the worker's with all that it has started.
        tasks: the most processes that it had at a time, itself included.
    """

    entry: Entry
    canary: str
    result: ExecutionResult | None = None
    raised: str = ""
    replies: int = 1
    following: ExecutionResult | None = None
    expected_next: object = None
    again: object = None
    host_change: str = ""
    leftovers: tuple[int, ...] = ()
    visits: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    unpickled: tuple[str, ...] = ()
    worker_growth: int = 0
    host_growth: int = 0
    disk: int = 0
    tasks: int = 1
    limits: Limits = field(default=LIMITS)


def texts_of(result: ExecutionResult | None) -> dict[str, str]:
    """Return everything a result carries as text, by the name of the channel."""
    if result is None:
        return {}
    texts = {"value": repr(result.value), "stdout": result.stdout, "stderr": result.stderr}
    if isinstance(result, Failed):
        texts["error"] = repr(result.error)
    return {**texts, "detail": getattr(result, "detail", "")}


def no_canary(seen: Seen) -> str:
    channels = [name for name, text in texts_of(seen.result).items() if seen.canary in text]
    later = [name for name, text in texts_of(seen.following).items() if seen.canary in text]
    found = [*channels, *(f"{name} of the next execution" for name in later)]
    if seen.canary in seen.raised:
        found.append("the caller's exception")
    return f"the secret is in: {', '.join(found)}" if found else ""


def refused(seen: Seen) -> str:
    if seen.entry.asserts:
        got_through = isinstance(seen.result, Failed) and seen.result.error.type == "AssertionError"
        return "the program's assertion of its own refusal failed" if got_through else ""
    return "the program ran to its end" if isinstance(seen.result, Completed) else ""


def no_write(seen: Seen) -> str:
    return f"it wrote {', '.join(seen.written)}" if seen.written else ""


def no_connect(seen: Seen) -> str:
    if seen.visits:
        return f"reached by {', '.join(seen.visits)}"
    return "the program got through to somebody" if isinstance(seen.result, Completed) else ""


def host_alive(seen: Seen) -> str:
    return seen.host_change


def no_leftover(seen: Seen) -> str:
    pids = ", ".join(map(str, seen.leftovers))
    return f"still there {LEFTOVER_S:g} s after the end: {pids}" if pids else ""


def bounded_mem(seen: Seen) -> str:
    worker = (seen.limits.memory_bytes or 0) + MEMORY_SLACK
    host = (seen.limits.result_bytes or 0) + MEMORY_SLACK
    if seen.worker_growth > worker:
        return f"the worker grew by {seen.worker_growth / MIB:.0f} MiB"
    return f"the host grew by {seen.host_growth / MIB:.0f} MiB" if seen.host_growth > host else ""


def bounded_disk(seen: Seen) -> str:
    return f"{seen.disk / MIB:.1f} MiB in the scratch folder" if seen.disk > SCRATCH_BYTES else ""


def bounded_tasks(seen: Seen) -> str:
    allowed = (seen.limits.processes or 0) + TASKS_SLACK
    return f"{seen.tasks} processes at a time" if seen.tasks > allowed else ""


def bounded_out(seen: Seen) -> str:
    result, allowed = seen.result, seen.limits.output_bytes or 0
    kept = max(len(result.stdout.encode()), len(result.stderr.encode())) if result is not None else 0
    return f"{kept} bytes of output were kept" if kept > allowed else ""


def reported(seen: Seen) -> str:
    if seen.raised:
        return f"the caller got no result but {seen.raised[:200]}"
    if seen.result is None:
        return "no result came in time"
    return "" if seen.replies == 1 else f"the executor told of {seen.replies} ends"


def next_ok(seen: Seen) -> str:
    if seen.following is None:
        return "the next execution gave no result"
    if not isinstance(seen.following, Completed):
        return f"the next execution ended as {type(seen.following).__name__}"
    good = seen.following.value == seen.expected_next
    return "" if good else f"the next execution gave {seen.following.value!r:.200}"


def rejected_strict(seen: Seen) -> str:
    if isinstance(seen.result, Failed) and seen.result.error.type in REFUSALS:
        return ""
    what = seen.result.error.type if isinstance(seen.result, Failed) else type(seen.result).__name__
    return f"it was not refused but ended as {what}"


def no_forge(seen: Seen) -> str:
    if seen.unpickled:
        return f"the host executed {', '.join(seen.unpickled)}"
    if not isinstance(seen.result, Completed):
        return ""
    value = seen.result.value
    genuine = any(type(value) is type(each) and value == each for each in seen.entry.genuine)
    return "" if genuine else "a value was accepted that the program does not have"


def fresh_random(seen: Seen) -> str:
    first = seen.result.value if isinstance(seen.result, Completed) else None
    if not first or not seen.again:
        return "it did not run twice"
    same = [
        name
        for name, one, other in zip(("random", "urandom"), first, seen.again, strict=False)
        if one == other
    ]
    return f"the same numbers from {', '.join(same)}" if same else ""


CHECKS: dict[str, Callable[[Seen], str]] = {
    check.__name__: check
    for check in (
        no_canary,
        refused,
        no_write,
        no_connect,
        host_alive,
        no_leftover,
        bounded_mem,
        bounded_disk,
        bounded_tasks,
        bounded_out,
        reported,
        next_ok,
        rejected_strict,
        no_forge,
        fresh_random,
    )
}

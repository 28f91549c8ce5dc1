"""What one execution may use."""

from __future__ import annotations

from dataclasses import dataclass, fields

from dspex_actors._errors import ConfigError

KIB = 2**10
MIB = 2**20
GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one execution may use. `None` means no limit.

    Attributes:
        time_s: wall-clock seconds from the moment the guest gets the code; the host's clock decides.
        cpu_s: CPU seconds of the worker process, rounded up to whole seconds by the kernel. In a session the
            host counts them, for each call alone, and looks at least every twentieth of a second.
        memory_bytes: memory the guest may add to an idle worker.
        output_bytes: bytes of stdout, of stderr and of `result.console` kept, each; the rest is counted and
            dropped.
        result_bytes: size of the encoded result value, and of the arguments of each call of a tool.
        file_bytes: size of any one file the guest writes.
        open_files: descriptors the guest may have open, the worker's own four included.
        tool_calls: how often the guest may call the request's tools, all of them together.
        processes: processes and threads the guest may have at the same time, its first one included; counted
            where the sandbox layer `process_limit` is active, but not in sessions, whose copies share a user.
        returned_files: how many files `result.files` holds; what is beyond is left out, and said to be.
        returned_bytes: their size together, in the same way.
        connections: how many connections the guest may ask for, where the policy's `network` is a list.
        network_bytes: what may cross those connections, both directions together.
        fuel: deterministic instruction budget, for engines that count fuel; the others refuse a number.

    Raises:
        ConfigError: a limit is not a number, is NaN, is negative or is too small to start with.
    """

    time_s: float | None = 5.0
    cpu_s: float | None = None
    memory_bytes: int | None = 256 * MIB
    output_bytes: int | None = 64 * KIB
    result_bytes: int | None = 16 * MIB
    file_bytes: int | None = 16 * MIB
    open_files: int | None = 64
    tool_calls: int | None = 1000
    processes: int | None = 64
    returned_files: int | None = 256
    returned_bytes: int | None = 16 * MIB
    connections: int | None = 100
    network_bytes: int | None = 64 * MIB
    fuel: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                _check(field.name, value)


def _check(name: str, value: object) -> None:
    """Refuse a limit that is not a number between its bounds."""
    seconds = name.endswith("_s")
    least, most = (0, LONGEST_S) if seconds else (MINIMA.get(name, 0), MAXIMA.get(name, MOST_BYTES))
    kind = "a number > 0" if seconds else f"a whole number >= {least}"
    allowed = f"{kind} and <= {most}, or None for no limit"
    good = isinstance(value, (int, float) if seconds else int) and not isinstance(value, bool)
    # NaN is neither above nor below anything.
    if not good or not (least < value if seconds else least <= value) or not value <= most:  # type: ignore[operator]  # `good`
        raise ConfigError(f"Limits.{name}", value, allowed)


LONGEST_S = 10**9
"""Thirty years: more than any timer, well below what the kernel's clocks can count."""

MOST_BYTES = 2**60
"""Below what the kernel and the wire can say."""

# Below these a worker cannot even answer that the limit was exceeded.
MINIMA = {"memory_bytes": MIB, "result_bytes": 256, "open_files": 8, "processes": 1}
MAXIMA = {"open_files": 2**20, "processes": 2**20}

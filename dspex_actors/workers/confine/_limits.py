"""Resource limits of a worker process, by setrlimit(2)."""

from __future__ import annotations

import math
import os
import resource
from dataclasses import dataclass
from functools import partial

_CPU_GRACE_S = 1
# Address space a guest may reserve beyond its memory limit: libraries map far more than they touch
# (numpy about 140 MB with its two default BLAS threads).
_ADDRESS_SLACK = 256 * 2**20
# Room for the worker itself to report that memory ran out.
_REPORT_SLACK = 8 * 2**20


@dataclass(frozen=True, slots=True)
class Baseline:
    """What an idle worker uses already.

    Attributes:
        address_bytes: size of the address space.
        data_bytes: private writable memory, which RLIMIT_DATA counts.
    """

    address_bytes: int
    data_bytes: int

    @classmethod
    def measure(cls, proc: int | None = None) -> Baseline:
        """Read the calling process's own figures.

        Args:
            proc: descriptor of the folder /proc, for a process in whose root it is not.

        Raises:
            OSError: /proc is not mounted.
        """
        fields = {}
        path = "/proc/self/status" if proc is None else "self/status"
        with open(path, opener=partial(os.open, dir_fd=proc)) as status:
            lines = status.read().splitlines()
        for line in lines:
            name, _, rest = line.partition(":")
            if name in {"VmSize", "VmData", "VmStk"}:
                fields[name] = int(rest.split()[0]) * 1024
        return cls(fields["VmSize"], fields["VmData"] + fields["VmStk"])


def apply_limits(
    baseline: Baseline,
    *,
    cpu_s: float | None,
    memory_bytes: int | None,
    file_bytes: int | None,
    open_files: int | None,
    processes: int | None,
    for_good: bool = True,
    spare_files: int = 0,
) -> None:
    """Apply limits to the calling process.

    Args:
        baseline: what the process used before it got the guest's code.
        cpu_s: CPU seconds from now, rounded up to whole seconds. Only for good: see `CpuWatch`.
        memory_bytes: memory that may be added to the baseline.
        file_bytes: size of any one file.
        open_files: number of descriptors.
        processes: number of processes and threads of its user.
        for_good: whether they can only be lowered from now on. If not, they hold until the next ones are
            applied, and the process can raise them itself, up to what was applied for good.
        spare_files: descriptors that `widen` makes available.
    """
    wanted: dict[int, tuple[int, int] | None] = {
        resource.RLIMIT_CPU: None,
        resource.RLIMIT_DATA: None,
        resource.RLIMIT_AS: None,
        resource.RLIMIT_FSIZE: None if file_bytes is None else (file_bytes, file_bytes),
        resource.RLIMIT_NOFILE: None if open_files is None else (open_files, open_files + spare_files),
        resource.RLIMIT_NPROC: None if processes is None else (processes, processes),
    }
    if cpu_s is not None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        seconds = math.ceil(usage.ru_utime + usage.ru_stime + cpu_s)
        # Beyond the soft limit comes SIGXCPU, which a guest may ignore; beyond the hard one SIGKILL.
        wanted[resource.RLIMIT_CPU] = (seconds, seconds + _CPU_GRACE_S)
    if memory_bytes is not None:
        data = baseline.data_bytes + memory_bytes
        wanted[resource.RLIMIT_DATA] = (data, data + _REPORT_SLACK)
        address = baseline.address_bytes + memory_bytes + _ADDRESS_SLACK
        wanted[resource.RLIMIT_AS] = (address, address + _REPORT_SLACK)
    for kind, limit in wanted.items():
        if not for_good:
            _set_soft(kind, None if limit is None else limit[0])
        elif limit is not None:
            _lower(kind, *limit)


def rehearse() -> None:
    """Run what `apply_limits` runs for a limit, and change none: the first run copies pages after a fork."""
    _lower(resource.RLIMIT_FSIZE, *resource.getrlimit(resource.RLIMIT_FSIZE))


def _set_soft(kind: int, soft: int | None) -> None:
    """Set a limit below the one that holds for good; None takes it off."""
    _, highest = resource.getrlimit(kind)
    if soft is None or (highest != resource.RLIM_INFINITY and highest < soft):
        soft = highest
    resource.setrlimit(kind, (soft, highest))


def _lower(kind: int, soft: int, hard: int) -> None:
    """Set a limit; one that is lower already stays as it is."""
    _, highest = resource.getrlimit(kind)
    if highest != resource.RLIM_INFINITY:
        soft, hard = min(soft, highest), min(hard, highest)
    resource.setrlimit(kind, (soft, hard))


def widen() -> None:
    """Use the reserve between soft and hard limits: to report that memory ran out, or to make a copy."""
    for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS, resource.RLIMIT_NOFILE):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (hard, hard))


def forbid_core_dumps() -> None:
    """Write no core file, whatever kills the process."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

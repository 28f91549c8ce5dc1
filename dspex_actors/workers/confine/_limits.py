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
) -> None:
    """Apply limits to the calling process. They can be lowered again, never raised.

    Args:
        baseline: what the process used before it got the guest's code.
        cpu_s: CPU seconds from now, rounded up to whole seconds.
        memory_bytes: memory that may be added to the baseline.
        file_bytes: size of any one file.
        open_files: number of descriptors.
        processes: number of processes and threads of its user.
    """
    if cpu_s is not None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        seconds = math.ceil(usage.ru_utime + usage.ru_stime + cpu_s)
        # Beyond the soft limit comes SIGXCPU, which a guest may ignore; beyond the hard one SIGKILL.
        _lower(resource.RLIMIT_CPU, seconds, seconds + _CPU_GRACE_S)
    if memory_bytes is not None:
        data = baseline.data_bytes + memory_bytes
        _lower(resource.RLIMIT_DATA, data, data + _REPORT_SLACK)
        address = baseline.address_bytes + memory_bytes + _ADDRESS_SLACK
        _lower(resource.RLIMIT_AS, address, address + _REPORT_SLACK)
    if file_bytes is not None:
        _lower(resource.RLIMIT_FSIZE, file_bytes, file_bytes)
    if open_files is not None:
        _lower(resource.RLIMIT_NOFILE, open_files, open_files)
    if processes is not None:
        _lower(resource.RLIMIT_NPROC, processes, processes)


def _lower(kind: int, soft: int, hard: int) -> None:
    """Set a limit; one that is lower already stays as it is."""
    _, highest = resource.getrlimit(kind)
    if highest != resource.RLIM_INFINITY:
        soft, hard = min(soft, highest), min(hard, highest)
    resource.setrlimit(kind, (soft, hard))


def widen_for_report() -> None:
    """Use the reserve between soft and hard limit, to report that memory ran out."""
    for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (hard, hard))


def forbid_core_dumps() -> None:
    """Write no core file, whatever kills the process."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

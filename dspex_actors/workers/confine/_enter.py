"""Putting the layers on: once in the zygote, then in each worker.

Order in a worker: session, death signal, descriptors, scratch folder, capabilities, Landlock, seccomp last.
A layer that cannot be had is left out and its reason kept; whether what remains is enough is decided by the
host, from what the probe saw.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dspex_actors.workers.confine import _landlock, _libc, _limits, _seccomp

if TYPE_CHECKING:
    from collections.abc import Callable

_PAST_ANY_FD = 1 << 20

DATA_FD = 3
"""Descriptor of a worker's socket; all others but the null device at 0, 1 and 2 are closed."""

RULESET_FD = 4
# Not /dev/zero: mapping it shared gives memory that no limit counts.
_DEVICES = ("/dev/null", "/dev/urandom", "/dev/random")


@dataclass
class Confinement:
    """The layers of one policy, prepared in its zygote.

    Attributes:
        sandboxed: False for the trusted profile, which gets none of the layers that take rights away.
        read_paths: files and folders a guest may read.
        listed_paths: folders it may only list.
        missing: reason by name, for each layer that could not be prepared.
    """

    sandboxed: bool
    read_paths: list[str]
    listed_paths: list[str] = field(default_factory=list)
    disabled: frozenset[str] = frozenset()
    missing: dict[str, str] = field(default_factory=dict)
    _worker_filter: _seccomp.Filter | None = None
    _null: int = -1

    def prepare(self) -> None:
        """Apply what all workers inherit and build what each will apply. Runs in the zygote, once."""
        _limits.forbid_core_dumps()
        self._null = os.open(os.devnull, os.O_RDWR)
        if not self.sandboxed:
            return
        if "capabilities" not in self.disabled:
            _libc.drop_bounding_set()
        if self._try("no_new_privs", lambda: _libc.prctl(_libc.PR_SET_NO_NEW_PRIVS, 1)):
            self._try("landlock", self._need_landlock)
            self._try("seccomp", self._prepare_seccomp)
        else:
            for layer in ("landlock", "seccomp"):
                self.missing.setdefault(layer, "needs no_new_privs")

    def ruleset(self, scratch: str) -> int | None:
        """Build the Landlock ruleset of one scratch folder; None without Landlock.

        Raises:
            OSError: the kernel refused.
        """
        if not self.sandboxed or "landlock" in self.missing:
            return None
        return _landlock.build(
            read=self.read_paths, listed=self.listed_paths, write=[scratch], devices=_DEVICES
        )

    def enter(self, data_fd: int, scratch: str, ruleset: int | None, zygote_pid: int) -> None:
        """Become a confined worker. Runs in a freshly forked child; returns confined.

        Args:
            data_fd: the worker's end of its socket; ends up as `DATA_FD`.
            scratch: the worker's own folder, its working directory from now on.
            ruleset: from `ruleset`.
            zygote_pid: the parent; if it is gone already, the process exits.

        Raises:
            OSError: a step that must not fail did.
        """
        os.setsid()
        # Fires when the zygote's only thread ends; covers the death of the host too, since the zygote sees
        # that.
        _libc.prctl(_libc.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != zygote_pid:
            os._exit(0)
        _arrange_descriptors(self._null, data_fd, ruleset)
        os.chdir(scratch)
        if not self.sandboxed:
            return
        if "capabilities" not in self.disabled:
            _libc.drop_capabilities()
        if ruleset is not None:
            _landlock.restrict_self(RULESET_FD)
            os.close(RULESET_FD)
        if self._worker_filter is not None:
            self._worker_filter.load(os.getpid())

    def _try(self, layer: str, step: Callable[[], object]) -> bool:
        """Run one preparation step; keep the reason if it cannot be done."""
        if layer in self.disabled:
            self.missing[layer] = "switched off"
            return False
        try:
            step()
        except OSError as error:
            self.missing[layer] = str(error)
            return False
        return True

    def _need_landlock(self) -> None:
        if not _landlock.abi():
            raise OSError(
                38, "the kernel has no Landlock (Linux 5.13 or later, with landlock in its lsm list)"
            )

    def _prepare_seccomp(self) -> None:
        worker_filter = _seccomp.worker_filter()
        _seccomp.bulk_filter().load()
        self._worker_filter = worker_filter


def _arrange_descriptors(null: int, data_fd: int, ruleset: int | None) -> None:
    """Leave the null device at 0 to 2, the socket at 3, the ruleset at 4, and nothing else.

    The zygote keeps its own descriptors out of these numbers, so none is overwritten before it was copied.
    """
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor, inheritable=False)
    os.dup2(data_fd, DATA_FD, inheritable=False)
    first_closed = DATA_FD + 1
    if ruleset is not None:
        os.dup2(ruleset, RULESET_FD, inheritable=False)
        first_closed = RULESET_FD + 1
    os.closerange(first_closed, _PAST_ANY_FD)

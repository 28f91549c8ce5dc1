"""Slots: what a zygote lends to one worker at a time, and takes back.

A slot is a scratch folder, the Landlock ruleset that opens it, and a pid namespace to be born in. All three
are costly to make, so they are kept for later workers; a pid namespace in which processes may be left behind
is not, it ends with its worker.
"""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING

from dspex_actors.workers._protocol import ScratchQuota
from dspex_actors.workers.confine import _libc, _root, _users
from dspex_actors.workers.confine._enter import Slot

if TYPE_CHECKING:
    from dspex_actors.workers.confine._enter import Confinement
    from dspex_actors.workers.confine._nannies import Nanny, Nursery


class Slots:
    """The slots of one zygote: made when they are first needed.

    Args:
        confinement: prepared.
        folder: where scratch folders go if there is no root of our own.
        poll: told of the nannies' pidfds; see `bury`.
    """

    def __init__(self, confinement: Confinement, folder: str, poll: select.epoll) -> None:
        self._confinement = confinement
        self._folder = _root.SCRATCH if confinement.has_root else folder
        quota = ScratchQuota() if "scratch_quota" in confinement.missing else confinement.quota
        self._options = _options(quota) if confinement.has_root else None
        self._poll = poll
        self._free: list[Slot] = []
        self._count = 0
        self._nannies: dict[int, tuple[Nanny, list[Slot]]] = {}
        self._spare_nanny = confinement.first_nanny

    def take(self) -> Slot:
        """Lend a slot.

        Raises:
            OSError: a new one was needed and could not be made.
        """
        if self._free:
            return self._free.pop()
        self._count += 1
        path = f"{self._folder}/{self._count}"
        scratch = self._confinement.scratch
        os.mkdir(path if scratch is None else str(self._count), 0o700, dir_fd=scratch)
        first = self._confinement.first_user
        user = None if first is None else first + self._count % _users.COUNT
        if self._options is not None:
            owner = "" if user is None else f",uid={user},gid={user}"
            options = f"{self._options}{owner}"
            _libc.mount("tmpfs", path, "tmpfs", _libc.MS_NOSUID | _libc.MS_NODEV, options)
        return Slot(path, self._confinement.ruleset(path), user)

    def give_back(self, slot: Slot) -> None:
        """Take a slot back whose scratch folder is empty."""
        self._free.append(slot)

    def fork(self, slot: Slot, *, alone: bool = False) -> int:
        """Fork; the child is born in the slot's pid namespace, if there are any.

        Args:
            slot: what the child is lent.
            alone: whether nobody else may ever live in that namespace; it is to end with the child.

        Raises:
            OSError: there is no pid namespace or no process to be had.
        """
        nursery = self._confinement.nursery
        if alone:
            self._leave_shared(slot)
            slot.is_alone = True
        if nursery is not None:
            try:
                self._nanny_of(slot, nursery).adopt_children()
            except ProcessLookupError:  # she was killed from outside, and is buried in her time
                if slot.nanny is None:
                    raise
                self._nannies[slot.nanny.pidfd][1].remove(slot)
                slot.nanny = None
                self._nanny_of(slot, nursery).adopt_children()
        return os.fork()

    def _leave_shared(self, slot: Slot) -> None:
        """Take a slot out of a pid namespace that others have, or may get."""
        if slot.nanny is not None and len(self._nannies[slot.nanny.pidfd][1]) > 1:
            self._nannies[slot.nanny.pidfd][1].remove(slot)
            slot.nanny = None

    def _nanny_of(self, slot: Slot, nursery: Nursery) -> Nanny:
        """Return a slot's nanny; find one if it has none.

        Raises:
            OSError: there is none to be had.
        """
        if slot.nanny is None:
            slot.nanny = self._find_nanny(nursery, alone=slot.is_alone)
            self._nannies[slot.nanny.pidfd][1].append(slot)
        return slot.nanny

    def _find_nanny(self, nursery: Nursery, *, alone: bool) -> Nanny:
        """Return a nanny for a slot: a new one; if there are no more to be had, one that others have too.

        Args:
            nursery: where nannies come from.
            alone: whether it must be a new one.

        Raises:
            OSError: there is none, or sharing her would end other workers too early.
        """
        nanny, self._spare_nanny = self._spare_nanny, None
        try:
            nanny = nanny or nursery.start_nanny(self._confinement.users_proc)
        except OSError:
            shared = [
                nanny for nanny, slots in self._nannies.values() if not any(slot.is_alone for slot in slots)
            ]
            if alone or self._confinement.leaves_processes or not shared:
                raise
            return shared[0]
        self._nannies[nanny.pidfd] = (nanny, [])
        self._poll.register(nanny.pidfd, select.EPOLLIN)
        return nanny

    def bury(self, pidfd: int) -> list[Slot] | None:
        """Reap a nanny that has ended; wait for it if it is about to.

        Args:
            pidfd: any descriptor.

        Returns:
            The slots whose end was waiting for this; None if the descriptor is not a nanny's.
        """
        if pidfd not in self._nannies:
            return None
        nanny, slots = self._nannies.pop(pidfd)
        os.waitpid(nanny.pid, 0)
        self._poll.unregister(pidfd)
        nanny.close()
        ended = [slot for slot in slots if slot.is_ending]
        for slot in slots:
            slot.nanny, slot.is_ending, slot.is_alone = None, False, False
        return ended

    def close(self) -> None:
        """End all pid namespaces; the workers in them have been reaped."""
        for nanny, _ in self._nannies.values():
            nanny.kill()
        for pidfd in list(self._nannies):
            self.bury(pidfd)
        if self._confinement.nursery is not None:
            self._confinement.nursery.close()


def _options(quota: ScratchQuota) -> str:
    """Return the mount options of a scratch folder; the kernel takes 0 for no limit."""
    inodes = 0 if quota.files is None else quota.files + 1  # the folder is one itself
    return f"mode=700,size={quota.size_bytes or 0},nr_inodes={inodes}"

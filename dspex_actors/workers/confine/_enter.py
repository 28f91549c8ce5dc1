"""Putting the layers on: once in the zygote, then in each worker.

Order in the zygote: namespaces, a root of their own, then what must not hinder those: no_new_privs and the
first of the two filters. Order in a worker: session, death signal, descriptors, scratch folder, capabilities,
Landlock, seccomp last. The user is changed before the death signal is set, which a change of user clears.

A layer that cannot be had is left out and its reason kept; whether what remains is enough is decided by the
host, from what the probe saw.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # without the enums of `signal`, 50 pages less for each worker
import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dspex_actors.workers.confine import (
    _descriptors,
    _landlock,
    _libc,
    _limits,
    _namespace_trials,
    _namespaces,
    _nannies,
    _own_network,
    _root,
    _seccomp,
    _users,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors.workers._protocol import ScratchQuota
    from dspex_actors.workers.confine._view import View

# Not /dev/zero: mapping it shared gives memory that no limit counts.
_DEVICES = ("/dev/null", "/dev/urandom", "/dev/random")
_DEFAULT = int(signal.SIG_DFL)
SWITCHED_OFF = "switched off"
_OPEN_NETWORK = "the policy gives guests the host's network"
_OWN_PROCESSES = "guests of the profile {!r} may have processes of their own, which a copy would not hold"


@dataclass(slots=True)
class Slot:
    """What one worker is lent.

    Attributes:
        path: its scratch folder.
        ruleset: descriptor of the Landlock ruleset that opens it, None without Landlock.
        user: whom its processes belong to; None for our own user.
        nanny: of its pid namespace; None without one, or while it has to be made anew.
        is_ending: its worker has ended and its pid namespace is about to.
        is_alone: its pid namespace is that of one worker alone, and ends with it.
        is_held: the host may still look into its scratch folder.
    """

    path: str
    ruleset: int | None
    user: int | None = None
    nanny: _nannies.Nanny | None = None
    is_ending: bool = False
    is_alone: bool = False
    is_held: bool = False


@dataclass
class Confinement:
    """The layers of one policy, prepared in its zygote.

    Attributes:
        profile: name of the policy's profile.
        view: which files of the host there are for a guest.
        quota: of each scratch folder.
        disabled: layers to leave out.
        network: what the policy gives of the network: `"none"`, `"host"` or `"allow-list"`.
        missing: reason by name, for each layer that could not be prepared.
        host: which namespaces the host is in, as numbers, by layer name; empty if they cannot be seen.
        host_name: the host's name, as a guest must not see it.
        reaches_loopback: whether a datagram to this machine itself would find its way.
        finds_segment: whether memory that was shared in the host's ipc namespace can still be found.
        makes_devices: whether there are rights over the machine that make a device.
        proc: descriptor of the folder /proc; None without a sandbox.
        scratch: descriptor of the folder of scratch folders, in a root of their own.
        first_user: of the range of users that guests have; None if they have ours.
        nursery: starts pid namespaces; None without them.
        first_nanny: the one that showed that there are pid namespaces.
        host_servers: of the host, to be looked for by a trial; None if workers have no network of their own.
        no_copies: why the state of a session cannot be copied here; empty if it can.
    """

    profile: str
    view: View
    quota: ScratchQuota
    disabled: frozenset[str] = frozenset()
    network: str = "none"
    missing: dict[str, str] = field(default_factory=dict)
    host: dict[str, int] = field(default_factory=dict)
    host_name: str = ""
    reaches_loopback: bool = True
    finds_segment: bool = True
    makes_devices: bool = True
    proc: int | None = None
    scratch: int | None = None
    first_user: int | None = None
    nursery: _nannies.Nursery | None = None
    first_nanny: _nannies.Nanny | None = None
    host_servers: _own_network.HostServers | None = None
    no_copies: str = ""
    _rights: _seccomp.Rights = field(default_factory=_seccomp.Rights)
    _session_filter: _seccomp.Filter | None = None
    _worker_filter: _seccomp.Filter | None = None
    _null: int = -1

    def prepare(self, staging: str) -> None:
        """Apply what all workers inherit and build what each will apply. Runs in the zygote, once.

        Args:
            staging: an empty folder, on which the guests' root is built.
        """
        _limits.forbid_core_dumps()
        self._null = os.open(os.devnull, os.O_RDWR)
        if not self.sandboxed:
            reason = "the trusted profile has no sandbox"
            self.missing.update(dict.fromkeys(("scratch_quota", "process_limit", "network"), reason))
            self.no_copies = _OWN_PROCESSES.format(self.profile)
            return
        if self.wants_own_network:
            self.host_servers = _own_network.HostServers()
        self._enter_namespaces(staging)
        if self.wants_own_network and "pid_namespace" in self.missing:
            self.missing.setdefault("network", "a network of each worker's own needs the pid namespace")
        if "capabilities" not in self.disabled:
            _libc.drop_bounding_set()
        if self._try("no_new_privs", lambda: _libc.prctl(_libc.PR_SET_NO_NEW_PRIVS, 1)):
            self._try("landlock", self._need_landlock)
            self._try("seccomp", self._prepare_seccomp)
        else:
            for layer in ("landlock", "seccomp"):
                self.missing.setdefault(layer, "needs no_new_privs")
        self.no_copies = self._why_no_copies()

    def _why_no_copies(self) -> str:
        """Say what the copies of a session would need and is not there."""
        if self.starts_processes:
            return _OWN_PROCESSES.format(self.profile)
        for layer in ("pid_namespace", "seccomp"):
            if layer in self.missing:
                return f"it needs the layer {layer}: {self.missing[layer]}"
        if "user_notification" in self.disabled:
            return f"it needs seccomp's user notification: {SWITCHED_OFF}"
        try:
            _seccomp.need_listeners()
        except OSError as error:
            return f"it needs seccomp's user notification: {error}"
        return ""

    def prepare_sessions(self) -> None:
        """Build what only the workers of sessions apply. Runs in the zygote, before it forks the first."""
        if self._session_filter is None and not self.no_copies:
            self._session_filter = _seccomp.worker_filter(self._rights._replace(ask=True))

    def _enter_namespaces(self, staging: str) -> None:
        """Leave the host's namespaces and its root, as far as this machine lets us."""
        self.host_name = os.uname().nodename
        try:
            self.proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
            self.host = _namespaces.identities(self.proc, "self")
        except OSError as error:
            reason = f"whether it is there cannot be seen: {error}"
            self.missing.update(dict.fromkeys((*_namespaces.KINDS, "scratch_quota"), reason))
            return
        if "process_limit" in self.disabled:
            self.missing["process_limit"] = SWITCHED_OFF
        else:
            self.first_user = _users.free_range()
        segment = _namespace_trials.SharedSegment()
        opened = {"network_namespace", "network"} if self.opens_network else set()
        self.missing.update(_namespaces.enter(self.disabled | opened, self.first_user))
        self.missing.update(dict.fromkeys(opened, _OPEN_NETWORK))
        self.reaches_loopback = _namespace_trials.reaches_loopback()
        self.finds_segment, self.makes_devices = segment.is_found(), _namespace_trials.makes_devices(staging)
        segment.close()
        if "mount_namespace" not in self.missing:
            steps = _root.plan([*self.view.read, *self.view.listed], self.view.hidden)
            self._try("mount_namespace", lambda: self._enter_root(staging, steps))
        if "scratch_quota" in self.disabled:
            self.missing["scratch_quota"] = SWITCHED_OFF
        elif "mount_namespace" in self.missing:
            self.missing["scratch_quota"] = "needs the mount namespace"
        if "process_limit" not in self.missing and (reason := self._why_not_count()):
            self.missing["process_limit"] = reason
        if "process_limit" in self.missing:
            self.first_user = None
        elif self.first_user is not None and not self._try("process_limit", lambda: os.setgroups([])):
            self.first_user = None  # groups are given up once, for all guests
        if not self._try("pid_namespace", self._start_nursery) and self.first_user is None:
            self.missing.setdefault("process_limit", "needs the pid namespace")

    def _enter_root(self, staging: str, steps: list[_root.Step]) -> None:
        self.scratch = _root.enter(staging, steps, _DEVICES, self.view.links)

    def _why_not_count(self) -> str:
        """Say why the processes of a guest cannot be counted apart; empty if they can."""
        if self.first_user is None:
            if os.geteuid() == 0:
                return "the host is root, and there are no users for its guests"
            return "needs the user namespace" if "user_namespace" in self.missing else ""
        if not self.has_root:
            return "needs the mount namespace: another user could not reach the interpreter's files"
        private = _users.first_private([*self.view.read, *self.view.listed])
        return f"other users may not read {private}" if private else ""

    def _start_nursery(self) -> None:
        nursery = _nannies.Nursery()
        try:
            try:
                self.first_nanny = nursery.start_nanny(self.users_proc)
            except OSError as error:
                if self.users_proc is None:
                    raise
                self.missing["process_limit"] = f"no user namespace for each guest: {error}"
                self.first_nanny = nursery.start_nanny()
            if self.wants_own_network:
                self._start_networks(nursery, self.first_nanny)
        except OSError:
            nursery.close()
            raise
        self.nursery = nursery

    def _start_networks(self, nursery: _nannies.Nursery, before: _nannies.Nanny) -> None:
        """Have nannies with a network, if they can be had."""
        if "network_namespace" in self.missing:
            self.missing["network"] = f"needs the network namespace: {self.missing['network_namespace']}"
            return
        try:
            nursery.gives_networks = True
            self.first_nanny = nursery.start_nanny(self.users_proc)
        except OSError as error:
            nursery.gives_networks = False
            self.missing["network"] = f"no network namespace for each worker: {error}"
            return
        before.dismiss()

    @property
    def users_proc(self) -> int | None:
        """The folder /proc, if each pid namespace is to have a user namespace of its own."""
        return self.proc if self.first_user is None and "process_limit" not in self.missing else None

    @property
    def counted_beside(self) -> int | None:
        """How many processes count against a guest's limit beside its own; None if there is no limit."""
        if "process_limit" in self.missing:
            return None
        return 0 if self.first_user is not None else 1  # the nanny

    @property
    def sandboxed(self) -> bool:
        """Whether there are layers that take rights away at all."""
        return self.profile != "trusted"

    @property
    def opens_network(self) -> bool:
        """Whether guests are meant to use the host's network."""
        return self.network == "host"

    @property
    def wants_own_network(self) -> bool:
        """Whether guests start programs that are to reach what a list has: see `_own_network`."""
        return self.network == "allow-list" and self.starts_processes

    @property
    def has_own_network(self) -> bool:
        """Whether each worker has a network namespace of its own."""
        return self.wants_own_network and "network" not in self.missing

    @property
    def starts_processes(self) -> bool:
        """Whether guests are meant to start processes."""
        return self.profile == "shell"

    @property
    def has_root(self) -> bool:
        """Whether guests have a root folder of their own."""
        return self.sandboxed and "mount_namespace" not in self.missing

    @property
    def leaves_processes(self) -> bool:
        """Whether a worker can start processes that outlive it."""
        return not self.sandboxed or self.starts_processes or "seccomp" in self.missing

    def ruleset(self, scratch: str) -> int | None:
        """Build the Landlock ruleset of one scratch folder; None without Landlock.

        Raises:
            OSError: the kernel refused.
        """
        if not self.sandboxed or "landlock" in self.missing:
            return None
        return _landlock.build(
            read=self.view.read,
            listed=self.view.listed,
            write=[scratch],
            devices=_DEVICES,
            run_programs=self.starts_processes,
            open_network=self.opens_network or self.has_own_network,
        )

    def enter(self, data_fd: int, slot: Slot, parent: int, meeting: int | None = None) -> int | None:
        """Become a confined worker. Runs in a freshly forked child; returns confined.

        Args:
            data_fd: the worker's end of its socket; ends up as `_descriptors.DATA_FD`.
            slot: what it is lent; the scratch folder is its working directory from now on.
            parent: process id of the parent; if it is gone already, the process exits.
            meeting: for the worker of a session: its end of the socket to its keeper; ends up as
                `_descriptors.MEETING_FD`.

        Returns:
            The descriptor on which the keeper is asked about forks, for the worker of a session. None for
            other workers, and if the kernel refuses: then the worker cannot fork.

        Raises:
            OSError: a step that must not fail did.
        """
        os.setsid()
        _signal.signal(signal.SIGTERM, _DEFAULT)
        self._take_place(slot)
        # Fires when the zygote's only thread ends; covers the death of the host too, since the zygote sees
        # that.
        _libc.prctl(_libc.PR_SET_PDEATHSIG, signal.SIGKILL)
        # In a pid namespace of its own it sees no parent; there the nanny's death is what ends it.
        if os.getppid() not in {parent, 0}:
            os._exit(0)
        _descriptors.arrange(self._null, data_fd, slot.ruleset, meeting)
        if not self.sandboxed:
            return None
        if "capabilities" not in self.disabled:
            _libc.drop_capabilities()
        if slot.ruleset is not None:
            _landlock.restrict_self(_descriptors.RULESET_FD)
            os.close(_descriptors.RULESET_FD)
        if meeting is not None:
            os.dup2(_descriptors.NEXT_FD, _descriptors.MEETING_FD, inheritable=False)
            os.close(_descriptors.NEXT_FD)
            if self._session_filter is not None:
                with suppress(OSError):
                    return self._session_filter.load_with_listener(os.getpid())
        if self._worker_filter is not None:
            self._worker_filter.load(os.getpid())
        return None

    def _take_place(self, slot: Slot) -> None:
        """Go to the scratch folder and the network of a slot, and belong to its user."""
        os.chdir(slot.path)
        if self.has_own_network:
            if slot.nanny is None:
                raise OSError(3, "no network namespace for this worker")
            slot.nanny.lend_network()
        if slot.user is not None:
            _users.become(slot.user)
        elif slot.nanny is not None and self.users_proc is not None:
            slot.nanny.adopt()

    def _try(self, layer: str, step: Callable[[], object]) -> bool:
        """Run one preparation step; keep the reason if it cannot be done."""
        if layer in self.disabled:
            self.missing[layer] = SWITCHED_OFF
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
        abi = 0 if "landlock" in self.missing else _landlock.abi()
        self._rights = _seccomp.Rights(
            landlock_abi=abi,
            own_root=self.has_root,
            start=self.starts_processes,
            signal="pid_namespace" not in self.missing or abi >= _landlock.SCOPE_ABI,
            own_pids="pid_namespace" not in self.missing,
        )
        worker_filter = _seccomp.worker_filter(self._rights)
        own = _seccomp.Sockets.STREAMS if self.has_own_network else _seccomp.Sockets.NONE
        _seccomp.bulk_filter(_seccomp.Sockets.INTERNET if self.opens_network else own).load()
        self._worker_filter = worker_filter

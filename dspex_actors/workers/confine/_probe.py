"""What is protected, found out by trying it.

Runs in a worker confined like any other, which then ends. Each layer is active only if every attempt against
it was refused with the error that this layer gives; a configuration that was merely asked for counts for
nothing.
"""

from __future__ import annotations

import _socket
import _thread
import errno
import os
import resource
import signal
import socket
from contextlib import closing
from typing import TYPE_CHECKING

from dspex_actors.workers._protocol import LayerReport
from dspex_actors.workers.confine import _libc, _namespaces, _own_network, _root
from dspex_actors.workers.confine._probe_paths import file_outside, probe_host_paths

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors.workers._protocol import ScratchQuota
    from dspex_actors.workers.confine._enter import Confinement

# The filter, a family that the kernel has not, a namespace without addresses, Landlock.
_NO_WAY = frozenset({errno.EPERM, errno.EAFNOSUPPORT, errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EACCES})
_NETWORK_ATTEMPT = {
    False: "reaching this machine by sockets of each family",
    True: "reaching a server of this machine, and an address outside, from a network of the worker's own",
}
_SYS_PTRACE = {"x86_64": 101, "aarch64": 117}


def probe(confinement: Confinement, environment: dict[str, str]) -> list[LayerReport]:
    """Try to break each layer from inside; see the module.

    Args:
        confinement: the layers that were put on this process.
        environment: what the guest's environment should be.
    """
    outside = file_outside(confinement.view)
    checks: dict[str, tuple[str, Callable[[], str]]] = {
        "empty_environment": ("reading the environment", lambda: _environment(environment)),
        "closed_descriptors": ("using descriptors 4 to 255", _descriptors),
        "rlimits": ("writing a file beyond its size limit", _file_size),
        "no_new_privs": ("reading the no_new_privs flag", _no_new_privs),
        "capabilities": ("reading a file without owning it or its mode", _capabilities),
        "pid_namespace": ("asking who the parent is", _parent),
        "mount_namespace": (f"looking for {outside}", lambda: _host_file(outside)),
        "uts_namespace": ("asking for the host's name", lambda: _host_name(confinement.host_name)),
        "landlock": _landlock_check(_root.SENTINEL if confinement.has_root else outside),
        "host_paths": (
            "reading what was not lent, changing what was",
            lambda: probe_host_paths(confinement.view),
        ),
        "seccomp": _seccomp_check(confinement),
        "scratch": ("writing to the own folder, reading its parent", _scratch),
        "process_limit": ("starting a thread too many", lambda: _thread_limit(confinement.counted_beside)),
        "network": (_NETWORK_ATTEMPT[confinement.has_own_network], lambda: _network(confinement)),
        "scratch_quota": ("a file larger than all may be", lambda: _quota(confinement.quota)),
    }
    reports = []
    for name, (attempt, check) in checks.items():
        try:
            failure = check()
        except OSError as error:
            failure = f"unexpected error: {error}"
        detail = confinement.missing.get(name) or failure or "refused"
        reports.append(LayerReport(name, not failure, attempt, detail))
    return reports


def check_namespaces(confinement: Confinement, worker: int, reports: list[LayerReport]) -> list[LayerReport]:
    """Complete a living worker's reports with what the kernel says about its namespaces; runs in the zygote.

    Args:
        confinement: the layers that were put on it.
        worker: its process id.
        reports: from `probe`.
    """
    tried = {report.name: report for report in reports}
    try:
        proc = confinement.proc
        seen = _namespaces.identities(proc, worker) if proc is not None and confinement.host else {}
        unseen = ""
    except OSError as error:
        seen, unseen = {}, f"cannot be seen: {error}"
    tried_before = {
        "user_namespace": ("making a device", confinement.makes_devices, "it was made"),
        "network_namespace": (
            "reaching the loopback interface",
            confinement.reaches_loopback,
            "it was reached",
        ),
        "ipc_namespace": ("finding shared memory of the host", confinement.finds_segment, "it was found"),
    }
    if (
        confinement.has_own_network
    ):  # it has a loopback interface itself, on which nobody of the host is found
        network = tried["network"]
        tried_before["network_namespace"] = (network.probe, not network.active, network.detail)
    merged = dict(tried)
    for layer, kind in _namespaces.KINDS.items():
        own = layer in seen and seen[layer] != confinement.host[layer]
        attempt = f"comparing its {kind} namespace"
        failure = "" if own else unseen or "it is the host's"
        if layer in tried_before:
            what, succeeded, outcome = tried_before[layer]
            attempt = f"{what}; {attempt}"
            failure = failure or (outcome if succeeded else "")
        detail = f"its own ({kind}:[{seen[layer]}])" if own else ""
        if layer in tried:
            failure = failure or ("" if tried[layer].active else tried[layer].detail)
            attempt = f"{tried[layer].probe}; {attempt}"
        reason = confinement.missing.get(layer) or failure
        merged[layer] = LayerReport(layer, not failure, attempt, reason if failure else detail)
    return list(merged.values())


def reliable_kill(confinement: Confinement, reports: list[LayerReport], *, survivors: bool) -> LayerReport:
    """Say how a kill is complete: what cannot start processes ends with its pidfd, what can with its nanny.

    Args:
        confinement: the layers of the workers.
        reports: of the other layers.
        survivors: whether anything that the probe had started was left after its kill.
    """
    active = {report.name for report in reports if report.active}
    attempt, by = "starting a process that is left behind", ""
    if "seccomp" in active and not confinement.leaves_processes:
        by = "seccomp refuses new processes: the pidfd is the whole worker"
    elif "pid_namespace" in active and not survivors:
        by = "pid namespace: the end of its first process ends all in it"
    detail = by or "best effort: the guest could start processes that outlive it"
    return LayerReport("reliable_kill", bool(by), attempt, detail)


def leave_a_daemon() -> None:
    """Start a process that is in no family with us and would live for ever."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True:
                signal.pause()
    finally:
        os._exit(0)


def _refused(what: str, code: int, attempt: Callable[[], object]) -> str:
    """Return an empty text if the attempt fails with this errno, else what happened instead."""
    try:
        attempt()
    except OSError as error:
        if error.errno == code:
            return ""
        return (
            f"{what}: {errno.errorcode.get(error.errno or 0, error.errno)} instead of a refusal by this layer"
        )
    return f"{what} was possible"


def _first_failure(attempts: list[tuple[str, Callable[[], object]]], code: int) -> str:
    """Try one thing after the other; stop at the first that is not refused with `code`."""
    for what, attempt in attempts:
        failure = _refused(what, code, attempt)
        if failure:
            return failure
    return ""


def _environment(expected: dict[str, str]) -> str:
    extra = sorted(set(os.environ) - set(expected))
    return f"also holds {', '.join(extra[:5])}" if extra else ""


def _descriptors() -> str:
    # Descriptor 3 is the worker's own socket.
    open_fds = []
    for descriptor in range(4, 256):
        try:
            os.fstat(descriptor)
        except OSError:
            continue
        open_fds.append(descriptor)
    return f"open: {open_fds}" if open_fds else ""


def _file_size() -> str:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with open("probe", "wb", buffering=0) as file:  # noqa: PTH123 -- the plain call, without pathlib's imports
            file.write(bytes(4096))
            return _refused("a larger file", errno.EFBIG, lambda: file.write(bytes(4096)))
    finally:
        os.unlink("probe")  # noqa: PTH108 -- see above
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _no_new_privs() -> str:
    return "" if _libc.prctl(_libc.PR_GET_NO_NEW_PRIVS) == 1 else "the flag is not set"


def _capabilities() -> str:
    held = _libc.effective_capabilities()
    if held:
        return f"holds capabilities {held:#x}"
    # A file without any permission: only its mode stands in the way of its owner, and only CAP_DAC_OVERRIDE
    # helps.
    descriptor = os.open("probe", os.O_CREAT | os.O_WRONLY, 0)
    os.close(descriptor)
    try:
        return _refused("reading a file of mode 000", errno.EACCES, lambda: os.open("probe", os.O_RDONLY))
    finally:
        os.unlink("probe")  # noqa: PTH108 -- the plain call, without pathlib's imports


def _parent() -> str:
    parent = os.getppid()
    return f"saw process {parent}" if parent else ""


def _host_file(path: str) -> str:
    return _refused(f"looking for {path}", errno.ENOENT, lambda: os.stat(path))  # noqa: PTH116 -- the plain call


def _host_name(host_name: str) -> str:
    seen = os.uname().nodename
    return f"saw {seen}" if seen == host_name else ""


def _landlock_check(outside: str) -> tuple[str, Callable[[], str]]:
    attempts: list[tuple[str, Callable[[], object]]] = [
        (f"reading {outside}", lambda: os.close(os.open(outside, os.O_RDONLY))),
        ("listing /", lambda: os.listdir("/")),  # noqa: PTH208 -- the plain call
    ]
    if outside != _root.SENTINEL:  # in a root of its own all that is not the guest's is read-only
        attempts.append(("writing above", lambda: os.close(os.open("../probe", os.O_CREAT | os.O_WRONLY))))
    return ", ".join(name for name, _ in attempts), lambda: _first_failure(attempts, errno.EACCES)


def _quota(quota: ScratchQuota) -> str:
    room = os.statvfs(".")
    size = room.f_blocks * room.f_frsize
    if quota.size_bytes is None or size > quota.size_bytes + room.f_frsize:
        return f"there is room for {size} bytes"
    if quota.files is not None and room.f_files > quota.files + 1:  # the folder itself
        return f"there is room for {room.f_files} files"
    descriptor = os.open("probe", os.O_CREAT | os.O_RDWR, 0o600)
    try:  # refused at once, before any of it is filled
        return _refused("a larger file", errno.ENOSPC, lambda: os.posix_fallocate(descriptor, 0, 2 * size))
    finally:
        os.close(descriptor)
        os.unlink("probe")  # noqa: PTH108 -- the plain call, without pathlib's imports


def _seccomp_check(confinement: Confinement) -> tuple[str, Callable[[], str]]:
    ptrace = _SYS_PTRACE.get(os.uname().machine, 101)
    opens = confinement.opens_network or confinement.has_own_network
    # In this order: an exec that is not refused would replace this process, a ptrace would stop it.
    attempts: list[tuple[str, Callable[[], object]]] = [
        (
            "socket",
            lambda: _new_socket(socket.AF_UNIX if opens else socket.AF_INET).close(),
        ),
        ("mount", lambda: _libc.mount("tmpfs", ".", "tmpfs")),
    ]
    if not confinement.starts_processes:
        attempts += [
            ("fork", _fork),
            ("exec", lambda: os.execv("/bin/true", ["true"])),  # noqa: S606 -- meant to be refused
            ("a signal to the parent", lambda: os.kill(os.getppid(), 0)),
        ]
    attempts.append(("ptrace", lambda: _libc.syscall(ptrace, 0, 0, 0, 0)))
    what = ", ".join(name for name, _ in attempts)
    return what, lambda: _first_failure(attempts, errno.EPERM)


def _new_socket(family: int, kind: int = socket.SOCK_STREAM) -> _socket.socket:
    """Make a socket by a call of the kernel; guests may find another class in the place of the library's."""
    return _socket.socket(family, kind)


def _network(confinement: Confinement) -> str:
    """Find a way to a socket of this machine: without a filter a namespace of its own must be in between."""
    if confinement.wants_own_network and confinement.missing.get("network"):
        return confinement.missing["network"]
    if confinement.has_own_network and confinement.host_servers is not None:
        return _own_network.way_out(confinement.host_servers) or _unix_sockets(confinement)
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            try:
                with closing(_new_socket(family, kind)) as sock:
                    sock.connect((address, 9))
            except OSError as error:
                if error.errno not in _NO_WAY:
                    return f"{address} answered with {errno.errorcode.get(error.errno or 0, error.errno)}"
            else:
                return f"{address} was reached"
    return _unix_sockets(confinement)


def _unix_sockets(confinement: Confinement) -> str:
    try:
        _new_socket(socket.AF_UNIX).close()
    except OSError:
        return ""
    apart = confinement.has_root and "network_namespace" not in confinement.missing
    return "" if apart else "Unix sockets of the host can be reached"


def _thread_limit(beside: int | None) -> str:
    if beside is None:
        return "threads are not counted"
    soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    resource.setrlimit(resource.RLIMIT_NPROC, (1 + beside, hard))
    try:
        _thread.start_new_thread(lambda: None, ())
    except RuntimeError:
        return ""
    finally:
        resource.setrlimit(resource.RLIMIT_NPROC, (soft, hard))
    return "it was started"


def _fork() -> None:
    if os.fork() == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def _scratch() -> str:
    descriptor = os.open("probe", os.O_CREAT | os.O_RDWR, 0o600)
    os.close(descriptor)
    os.unlink("probe")  # noqa: PTH108 -- the plain call, without pathlib's imports
    return _refused("listing the folder of all workers", errno.EACCES, lambda: os.listdir(".."))  # noqa: PTH208 -- the plain call

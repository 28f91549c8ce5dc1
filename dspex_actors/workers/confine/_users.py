"""Whose processes the guests' are: what lets the kernel count each guest's apart from all others.

RLIMIT_NPROC counts the processes and threads of a user, within a user namespace, and does not bind root. So
where the host is root each scratch folder has a user of its own, taken from a range that nobody has; where it
is not, each pid namespace has a user namespace of its own.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from dspex_actors.workers.confine import _libc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

NEW_USER_NAMESPACE = 0x10000000
COUNT = 256
"""How many users a range has; slots beyond share them."""

# The first is far from what systems hand out; the other fits into a container's 16 bits.
_FIRST_OF_RANGES = (1_900_000_000, 60_600)


def free_range() -> int | None:
    """Return the first id of a range that we may use for guests; None if we may use none.

    Raises:
        OSError: /proc cannot be read.
    """
    if os.geteuid() != 0:
        return None
    for first in _FIRST_OF_RANGES:
        if all(_is_mapped(first, _read(f"/proc/self/{name}")) for name in ("uid_map", "gid_map")):
            return first
    return None


def _read(path: str) -> str:
    with open(path) as file:  # noqa: PTH123 -- pathlib is not loaded in a zygote
        return file.read()


def _is_mapped(first: int, id_map: str) -> bool:
    """Whether one line of an id map covers a whole range."""
    for line in id_map.splitlines():
        start, _, length = map(int, line.split())
        if start <= first and first + COUNT <= start + length:
            return True
    return False


def first_private(paths: Iterable[str]) -> str | None:
    """Return the first of some paths that other users may not read; None if they may read all."""
    for path in paths:
        mode = os.stat(path).st_mode  # noqa: PTH116 -- pathlib is not loaded in a zygote
        needed = 0o005 if stat.S_ISDIR(mode) else 0o004
        if mode & needed != needed:
            return path
    return None


def enter_namespace(first: int | None) -> None:
    """Enter a user namespace in which we have all rights, keep our own ids, and may use a range of others.

    Args:
        first: of the range; None for no others.

    Raises:
        OSError: the kernel refused, or gave a namespace without rights.
    """
    uid, gid = os.geteuid(), os.getegid()
    if first is None:
        _libc.unshare(NEW_USER_NAMESPACE)
        map_ids("/proc/self", f"{uid} {uid} 1", f"{gid} {gid} 1", deny_groups=True)
        return
    more = f"\n{first} {first} {COUNT}"
    us = f"/proc/{os.getpid()}"
    # Only somebody who is still outside may map what is not our own.
    with _Helper(lambda: map_ids(us, f"{uid} {uid} 1{more}", f"{gid} {gid} 1{more}")):
        _libc.unshare(NEW_USER_NAMESPACE)


def map_ids(
    process: str, uid_map: str, gid_map: str, *, deny_groups: bool = False, proc: int | None = None
) -> None:
    """Say which ids a new user namespace knows.

    Args:
        process: folder of a process in it, below /proc.
        uid_map: lines of inner id, outer id, count.
        gid_map: the same for groups.
        deny_groups: whether to give up setgroups(2), as who has no rights outside must.
        proc: descriptor of the folder that `process` is relative to.

    Raises:
        OSError: the kernel refused.
    """
    texts = {"setgroups": "deny"} if deny_groups else {}
    for name, text in {**texts, "uid_map": uid_map, "gid_map": gid_map}.items():
        descriptor = os.open(f"{process}/{name}", os.O_WRONLY, dir_fd=proc)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)


def become(user: int) -> None:
    """Become another user for good; user and group have the same number, other groups are gone already.

    Raises:
        OSError: the kernel refused.
    """
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def rehearse(step: Callable[[], None]) -> None:
    """Try a step in a child first: one that fails half-way cannot be taken back.

    Raises:
        OSError: as the child saw it.
    """
    with _Helper(step):
        return


class _Helper:
    """A forked child that does something when the `with` block has ended, and whose failure is ours."""

    def __init__(self, step: Callable[[], None]) -> None:
        start, self._go = os.pipe()
        self._failure, report = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                os.close(self._go)
                if os.read(start, 1):
                    step()
            except OSError as error:
                os.write(report, f"{error.errno} {error.strerror}".encode()[:4000])
            finally:
                os._exit(0)
        os.close(start)
        os.close(report)

    def __enter__(self) -> None:
        """Do nothing: the block is what comes before the child's step."""

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Let the child do its step, unless the block has failed, and wait for it.

        Raises:
            OSError: as the child saw it.
        """
        if kind is None:
            os.write(self._go, b"x")
        os.close(self._go)
        report = b""
        while part := os.read(self._failure, 4096):
            report += part
        os.close(self._failure)
        os.waitpid(self._pid, 0)
        if report:
            number, _blank, text = report.decode().partition(" ")
            raise OSError(int(number), text)

"""Runs the command on a machine that lacks something, which is this one made so for one process.

    python -m tests._lesser_machine "no landlock" doctor --json

A filter answers system calls as a lesser kernel or a container would; mounts are changed in a namespace of
the process's own.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from dspex_actors.cli import main
from dspex_actors.workers.confine import _cgroup, _libc, _seccomp
from dspex_actors.workers.confine._bpf import Refuse, RefuseFlags

_ENOSYS = 38
_NEW_USER, _NEW_PID, _NEW_MOUNT = 0x10000000, 0x20000000, 0x00020000
_MS_REMOUNT = 0x20


def _refuse(rules) -> None:
    _libc.prctl(_libc.PR_SET_NO_NEW_PRIVS, 1)
    _seccomp.Filter(_seccomp.assemble(rules)).load()


def _refuse_namespaces(flags) -> None:
    rule = RefuseFlags(forbidden=flags)
    _refuse({"unshare": rule, "clone": rule, "clone3": Refuse(_ENOSYS)})


def _forbid_mounting() -> None:
    _refuse(dict.fromkeys(["mount", "pivot_root", "setns", "unshare"], Refuse()))


def _mount_groups_read_only() -> None:
    user, group = os.geteuid(), os.getegid()
    _libc.unshare(_NEW_MOUNT if user == 0 else _NEW_MOUNT | _NEW_USER)
    if user != 0:
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            Path("/proc/self", name).write_text(text, "utf-8")
    _libc.mount("", "/", "", _libc.MS_REC | _libc.MS_PRIVATE)
    for place in _cgroup.own_places():
        _libc.mount(place.folder, place.folder, "", _libc.MS_BIND)
        _libc.mount("", place.folder, "", _libc.MS_BIND | _MS_REMOUNT | _libc.MS_RDONLY)


MACHINES = {
    "nothing missing": lambda: None,
    "no landlock": lambda: _refuse({"landlock_create_ruleset": Refuse(_ENOSYS)}),
    "no seccomp": lambda: _refuse({"seccomp": Refuse(_ENOSYS)}),
    "no namespaces": lambda: (_forbid_mounting(), _refuse_namespaces(_seccomp._CLONE_NEW)),
    "no user namespaces": lambda: _refuse_namespaces(_NEW_USER),
    "read-only control groups": _mount_groups_read_only,
    "no pid namespaces, read-only control groups": lambda: (
        _mount_groups_read_only(),
        _refuse_namespaces(_NEW_PID),
    ),
}

if __name__ == "__main__":
    MACHINES[sys.argv[1]]()
    sys.exit(main(sys.argv[2:]))

"""How to get a layer of the sandbox that is not active."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from dspex_actors._policy import LAYERS

if TYPE_CHECKING:
    from dspex_actors.workers._protocol import LayerReport

_NAMESPACES = (
    "allow user namespaces: user.max_*_namespaces above 0, and where they exist"
    " kernel.unprivileged_userns_clone=1 and kernel.apparmor_restrict_unprivileged_userns=0; in a container,"
    " a seccomp profile that allows unshare, clone, setns and mount; or run as root with CAP_SYS_ADMIN"
)
_FIXES = {
    "landlock": "use Linux 5.13 or later with landlock among the security modules (CONFIG_LSM or lsm=)",
    "host_paths": "make the landlock or the mount_namespace layer available; where the host is root, let"
    " other users read what the policy lends, and the folders above it be entered",
    "seccomp": "use a kernel with CONFIG_SECCOMP_FILTER, on x86-64 or arm64",
    "cgroup": "let the host make groups below its own: delegate them to its user (systemd: Delegate=yes),"
    " or mount /sys/fs/cgroup writable in its container",
    "network": "make the seccomp or the network_namespace layer available; if the policy opens the host's"
    " network, name in it what guests may connect to, in place of 'host'",
    "reliable_kill": "make the seccomp or the pid_namespace layer available",
    "user_namespace": _NAMESPACES,
    "pid_namespace": _NAMESPACES,
    "network_namespace": _NAMESPACES,
    "mount_namespace": _NAMESPACES,
    "ipc_namespace": _NAMESPACES,
    "uts_namespace": _NAMESPACES,
    "scratch_quota": "make the mount_namespace layer available",
    "process_limit": "make the user, pid and mount namespaces available; if the host is root, let other users"
    " read the interpreter and the packages of the policy",
}
_OTHERS = "name the layers you insist on in Policy(require=...) to run without it"
_NETWORK_OF_PROGRAMS = (
    f"{_FIXES['network']}; a list for programs takes the pid_namespace and the network_namespace layers"
)
_TRUSTED = "the trusted profile has no sandbox, use another one"


def in_order(layers: list[LayerReport], profile: str) -> list[LayerReport]:
    """Return the reports in the order of the table, with a fix beside each layer that is not active.

    Args:
        layers: what a zygote's probe found.
        profile: name of the policy's profile.
    """
    return [
        layer if layer.active else msgspec.structs.replace(layer, fix=_fix_of(layer.name, profile))
        for layer in sorted(layers, key=lambda layer: LAYERS.index(layer.name))
    ]


def _fix_of(layer: str, profile: str) -> str:
    if profile == "trusted":
        return _TRUSTED
    if (layer, profile) == ("network", "shell"):
        return _NETWORK_OF_PROGRAMS
    if (layer, profile) == ("reliable_kill", "shell"):
        return "make the pid_namespace or the cgroup layer available"
    if layer == "cgroup" and profile != "shell":
        return "do without it, or use the profile shell: guests of the others are one process each"
    return _FIXES.get(layer, _OTHERS)

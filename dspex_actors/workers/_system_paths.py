"""Which files of the system guests read: the standard library, shared libraries, in `shell` programs."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

# The dynamic loader's cache and time zones.
_SYSTEM_PATHS = ("/etc/ld.so.cache", "/usr/share/zoneinfo", "/etc/localtime")
_LIBRARY_PATHS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
# Programs, what the links in their folders lead to, and what many of them read.
_PROGRAM_PATHS = ("/bin", "/usr/bin", "/usr/local/bin", "/etc/alternatives", "/usr/share")
_INSTALLED = frozenset({"site-packages", "dist-packages"})


def read_paths(packages: dict[str, str], *, programs: bool) -> list[str]:
    """Return the files and folders that guests may read.

    Args:
        packages: importable name to file.
        programs: whether the system's programs are among them.
    """
    paths = [*_standard_library(), *system_libraries()]
    if programs:
        base = str(Path(getattr(sys, "_base_executable", None) or sys.executable).parent)
        paths += [*_PROGRAM_PATHS, *_LIBRARY_PATHS, base]
    for name, file in packages.items():
        home = Path(file).parent
        is_package = Path(file).name.startswith("__init__.")
        paths.append(str(home) if is_package else file)
        if is_package:  # wheels keep their shared libraries beside the package
            paths.append(str(home.parent / f"{name}.libs"))
    return [path for path in dict.fromkeys(paths) if Path(path).exists()]


def system_libraries() -> list[str]:
    """Return what any program may need to start: shared libraries, the loader's cache, time zones."""
    return [*_shared_libraries(), *_SYSTEM_PATHS]


def library_folders() -> list[Path]:
    """Return the folders of the standard library."""
    return list(dict.fromkeys(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")))


def installed_packages() -> list[Path]:
    """Return the folders of installed packages that lie within the standard library's."""
    return [
        path
        for folder in library_folders()
        for name in sorted(_INSTALLED)
        if (path := folder / name).is_dir()
    ]


def _standard_library() -> list[str]:
    """Return the standard library, one by one where what is installed beside it lies in the same folder."""
    paths = []
    for folder in library_folders():
        children = sorted(folder.iterdir())
        shared = any(child.name in _INSTALLED for child in children)
        paths += [child for child in children if child.name not in _INSTALLED] if shared else [folder]
    return [str(path) for path in paths]


def _shared_libraries() -> list[str]:
    """Return the folders of shared libraries: only this architecture's where the system keeps them apart."""
    triplet = sysconfig.get_config_var("MULTIARCH")
    apart = [f"{folder}/{triplet}" for folder in _LIBRARY_PATHS if triplet and Path(folder, triplet).is_dir()]
    return [*apart, "/lib64"] if apart else list(_LIBRARY_PATHS)

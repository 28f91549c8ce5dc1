"""The user without rights, as whom some tests run a process of their own."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

NOBODY = 65534


def readable_interpreter() -> str | None:
    """Return an interpreter of our version that the user nobody may run."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys._base_executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        path = Path(candidate).resolve()
        folders = [path, *path.parents]
        if path.is_file() and all(folder.stat().st_mode & stat.S_IXOTH for folder in folders):
            return str(path)
    return None

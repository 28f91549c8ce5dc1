"""Python, which a worker runs itself."""

from __future__ import annotations

import platform
import sys

from dspex_actors._language import FoundEngine, Language, SessionKind
from dspex_actors._policy import Policy, Profile


def find(given: str | None) -> FoundEngine:
    """Return the interpreter that this program runs in, the only one there is.

    Args:
        given: of no use; workers have the interpreter of their host.
    """
    del given
    path = getattr(sys, "_base_executable", None) or sys.executable
    return FoundEngine(path=path, version=platform.python_version(), origin="package")


PYTHON = Language(
    name="python",
    maker="",
    find=find,
    install="nothing: it is the interpreter that this program runs in",
    profiles=tuple(Profile),
    policy=Policy(),
    sessions=SessionKind.ROLLED_BACK,
)
"""The row."""

"""What an engine has told of itself, kept in a file, so that the next program need not ask it.

Nothing of it is trusted more than the engine: what is in the file is used in the sandbox, or names files that
the sandbox shows.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_MOST_BYTES = 8 * 2**20
_KEY_CHARS = 32
_decode = msgspec.json.Decoder(tuple[str, ...]).decode


def share_folder() -> Path:
    """Return where this package keeps what it has made for this installation.

    In a virtual environment that is `share/dspex-actors` below it, else the same below `~/.local`.
    """
    base = Path(sys.prefix) if sys.prefix != sys.base_prefix else Path.home() / ".local"
    return base / "share" / "dspex-actors"


def is_ours(found: os.stat_result) -> bool:
    """Whether nobody but this user and root may write to what was looked at."""
    return found.st_uid in {0, os.geteuid()} and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def told_before(
    engine: str,
    about: Iterable[bytes],
    ask: Callable[[], tuple[str, ...]],
    holds: Callable[[tuple[str, ...]], bool],
) -> tuple[str, ...]:
    """Return what was told before by the same engine; ask it if there is nothing, or it does not hold.

    What cannot be read, or could be another user's, is asked for anew; what cannot be kept is not.

    Args:
        engine: its name.
        about: all that the answer depends on.
        ask: asks the engine.
        holds: whether an answer is one that can be true; one that cannot is not kept.

    Raises:
        Exception: what `ask` raises.
    """
    digest = hashlib.sha256()
    for part in about:
        digest.update(len(part).to_bytes(8, "little") + part)
    file = share_folder() / "engines" / f"{engine}-{digest.hexdigest()[:_KEY_CHARS]}.json"
    told = _read(file)
    if told is not None and holds(told):
        return told
    told = ask()
    if holds(told):
        with suppress(OSError):  # no room, or no right to: the next one asks again
            _write(file, msgspec.json.encode(told))
    return told


def _read(file: Path) -> tuple[str, ...] | None:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as opened:
        found = os.fstat(descriptor)
        if not (stat.S_ISREG(found.st_mode) and is_ours(found) and is_ours(file.parent.stat())):
            return None
        data = opened.read(_MOST_BYTES + 1)
    try:
        return _decode(data) if len(data) <= _MOST_BYTES else None
    except (msgspec.MsgspecError, UnicodeError):
        return None


def _write(file: Path, data: bytes) -> None:
    file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(data)
        Path(draft).replace(file)
    except BaseException:
        Path(draft).unlink()
        raise

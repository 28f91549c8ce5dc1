"""Versions, lengths of time, and policies, as they are written on a command line."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from datetime import datetime
from typing import Any, Final

_REVISION: Final = re.compile(r"[1-9][0-9]{0,14}")
_LENGTH: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhdw]?)")
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
LATEST: Final = "latest"
WHICH: Final = "latest, a revision, a label, =LABEL, or @TIME such as @2026-11-05T12:00Z"


def version_of(text: str) -> dict[str, Any]:
    """Return the arguments of `States.load` that a text means.

    `latest`; `7` is a revision; `@2026-11-05T12:00Z` what was the latest then; `=7` the label `7`; anything
    else is a label too.

    Raises:
        ArgumentTypeError: it is none of these.
    """
    if text.startswith("@"):
        try:
            moment = datetime.fromisoformat(text[1:])
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise ArgumentTypeError(f"must be a time with a time zone, as @2026-11-05T12:00Z, got {text!r}")
        return {"at": moment}
    if text == LATEST:
        return {}
    if _REVISION.fullmatch(text):
        return {"version": int(text)}
    label = text.removeprefix("=")
    if not label or label == LATEST:
        raise ArgumentTypeError(f"must be {WHICH}, got {text!r}")
    return {"version": label}


def seconds_of(text: str) -> float:
    """Return the seconds of a length of time: a number, with `s`, `m`, `h`, `d` or `w` behind it.

    Raises:
        ArgumentTypeError: it is none.
    """
    found = _LENGTH.fullmatch(text)
    if found is None:
        raise ArgumentTypeError(f"must be a number of seconds, or with m, h, d or w behind it, got {text!r}")
    return float(found[1]) * _SECONDS[found[2]]


def count_of(text: str) -> int:
    """Return a whole number of at least 1.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not _REVISION.fullmatch(text):
        raise ArgumentTypeError(f"must be a whole number >= 1, got {text!r}")
    return int(text)

"""Versions in the order people expect: by their numbers, so that 10 comes after 9."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_PARTS: Final = re.compile(r"(\d{1,40})")
SHOWN: Final = 3


def natural(label: str) -> tuple[tuple[bool, int, str], ...]:
    """Return a key that sorts the numbers in labels as numbers, and numbers before words."""
    return tuple(
        (not part.isdecimal(), int(part) if part.isdecimal() else 0, part)
        for part in _PARTS.split(label)
        if part
    )


def nearest(label: str, known: Iterable[str], count: int = SHOWN) -> tuple[str, ...]:
    """Return at most `count` of the known labels, those next to `label` in natural order first."""
    names = set(known)
    ordered = sorted(names | {label}, key=lambda each: (natural(each), each))
    at = ordered.index(label)
    by_distance = sorted(range(len(ordered)), key=lambda index: (abs(index - at), index < at))
    return tuple(ordered[index] for index in by_distance if ordered[index] in names)[:count]

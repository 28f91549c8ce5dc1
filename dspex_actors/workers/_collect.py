"""Bringing back the files that a guest left in its scratch folder.

Who left them is not trusted, and may still be alive. What is too big is not read, and what would have to be
followed or waited for is not opened; all that is left out is told.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dspex_actors._files import ReturnedFiles
from dspex_actors._paths import matches
from dspex_actors.workers import _tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dspex_actors._limits import Limits

_MOST_TOLD = 100
"""Entries of `left_out`; a guest can leave thousands."""

_CHUNK = 1 << 20


class _Told:
    """What was left out, up to a number of entries."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}
        self._more = 0

    def add(self, name: str, reason: str) -> None:
        """Note one entry."""
        if len(self.reasons) < _MOST_TOLD:
            self.reasons[name] = reason
            return
        self._more += 1
        self.reasons[""] = f"and {self._more} more"  # no file has that name


def collect(scratch: int, patterns: Sequence[str], limits: Limits) -> ReturnedFiles:
    """Return the files that some patterns mean, as far as the limits allow.

    Args:
        scratch: descriptor of the folder.
        patterns: see `Policy.files`.
        limits: of the execution; `returned_bytes` counts names as well.
    """
    told = _Told()
    bag = _Bag(limits, told)
    try:
        for entry in _tree.walk(scratch):
            if entry.is_folder and not entry.problem:
                continue
            # What is in a folder that cannot be looked into, nobody knows.
            if entry.is_folder or entry.unseen:
                told.add(entry.name, entry.problem)
            elif any(matches(pattern, entry.name) for pattern in patterns):
                bag.add(entry)
    except OSError as error:
        told.add(".", f"the folder cannot be read: {error.strerror}")
    return ReturnedFiles(bag.content, told.reasons)


class _Bag:
    """Takes files until it is full."""

    def __init__(self, limits: Limits, told: _Told) -> None:
        self._limits = limits
        self._told = told
        self._size = 0
        self.content: dict[str, bytes] = {}

    def add(self, entry: _tree.Entry) -> None:
        """Take one file, or tell why not."""
        problem = entry.problem or self._try(entry)
        if problem:
            self._told.add(entry.name, problem)

    def _try(self, entry: _tree.Entry) -> str:
        most_files, most_bytes = self._limits.returned_files, self._limits.returned_bytes
        if most_files is not None and len(self.content) >= most_files:
            return f"there are more than {most_files} (Limits.returned_files)"
        name_size = len(entry.name.encode())
        try:
            content = _read(entry, None if most_bytes is None else most_bytes - self._size - name_size)
        except OSError as error:
            return f"it cannot be read: {error.strerror}"
        if content is None:
            size = entry.facts.st_size
            return f"with its {size} bytes there would be more than {most_bytes} (Limits.returned_bytes)"
        self.content[entry.name] = content
        self._size += len(content) + name_size
        return ""


def _read(entry: _tree.Entry, room: int | None) -> bytes | None:
    """Return what a file holds; None if that is more than there is room for, which is None for no limit.

    Raises:
        OSError: it cannot be read.
    """
    if room is not None and entry.facts.st_size > room:
        return None  # its size may be a claim with nothing behind it: it is not even opened
    descriptor = _tree.open_file(entry.folder, entry.base)
    try:
        content = bytearray()
        while part := os.read(descriptor, _CHUNK):
            content += part
            if room is not None and len(content) > room:
                return None  # it has grown
        return bytes(content)
    finally:
        os.close(descriptor)

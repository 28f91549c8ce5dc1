"""Ids found by a glob, without looking at each: by its literal beginning, or its literal end. Pure."""

from __future__ import annotations

import fnmatch
import re
from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dspex_actors._errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

_WILD: Final = re.compile(r"[*?\[]")
_LAST: Final = chr(0x10FFFF)  # sorts behind every sign an id can have


@dataclass(frozen=True, slots=True)
class Pattern:
    """A glob over ids: `*` any text, `?` one sign, `[ab]` one of these, `[!ab]` one of the others.

    Capitals count, on every system.

    Raises:
        ConfigError: it is no text, or empty.
    """

    text: str
    head: str = field(init=False, compare=False)  # what every match begins with
    tail: str = field(init=False, compare=False)  # what every match ends with
    literal: bool = field(init=False, compare=False)
    _matches: re.Pattern[str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.text, str) or not self.text:
            raise ConfigError("pattern", self.text, "an id or a glob such as 'agents.*'")
        wild = [found.start() for found in _WILD.finditer(self.text)]
        head = self.text[: wild[0]] if wild else self.text
        last_star = self.text.rpartition("*")[2] if wild else self.text
        tail = "" if _WILD.search(last_star) or "]" in last_star else last_star
        object.__setattr__(self, "head", head)
        object.__setattr__(self, "tail", tail)
        object.__setattr__(self, "literal", not wild)
        object.__setattr__(self, "_matches", re.compile(fnmatch.translate(self.text)))

    def matches(self, module_id: str) -> bool:
        """Whether an id is meant."""
        return module_id == self.text if self.literal else self._matches.match(module_id) is not None


class IdIndex:
    """A set of ids, sorted from both ends."""

    def __init__(self) -> None:
        self._forwards: list[str] = []
        self._backwards: list[str] = []  # the same, each id reversed

    def __len__(self) -> int:
        return len(self._forwards)

    def add(self, module_id: str) -> None:
        """Add an id that is not there yet."""
        insort(self._forwards, module_id)
        insort(self._backwards, module_id[::-1])

    def remove(self, module_id: str) -> None:
        """Remove an id that is there."""
        del self._forwards[bisect_left(self._forwards, module_id)]
        del self._backwards[bisect_left(self._backwards, module_id[::-1])]

    def matching(self, pattern: Pattern) -> list[str]:
        """Return the ids that a pattern means, sorted; looks at no others than it must."""
        by_head = _range(self._forwards, pattern.head)
        by_tail = _range(self._backwards, pattern.tail[::-1])
        if by_head[1] - by_head[0] <= by_tail[1] - by_tail[0]:
            return [each for each in self._forwards[slice(*by_head)] if pattern.matches(each)]
        found = (each[::-1] for each in self._backwards[slice(*by_tail)])
        return sorted(each for each in found if pattern.matches(each))

    def near(self, module_id: str, most: int = 5) -> tuple[str, ...]:
        """Return the ids that sort next to one that is not there."""
        place = bisect_left(self._forwards, module_id)
        first = max(0, min(place - most // 2, len(self._forwards) - most))
        return tuple(self._forwards[first : first + most])


def _range(ordered: Sequence[str], head: str) -> tuple[int, int]:
    """Return where the names that begin with `head` stand."""
    if not head:
        return 0, len(ordered)
    return bisect_left(ordered, head), bisect_left(ordered, head + _LAST)

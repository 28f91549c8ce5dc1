"""What reading stored bytes may cost, and the meter that counts it while a value is built.

The meter counts before anything is built, by the same estimates as `dspex_actors.values`. The writer counts
the same things, so that what was written with some bounds can be read with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from dspex_actors._errors import ConfigError, ValueEncodeError
from dspex_actors._limits import GIB, MIB
from dspex_actors.serialization._errors import MalformedError, TooLargeError
from dspex_actors.values import Budget
from dspex_actors.values._budget import ENTRY, KEY, MAX_DEPTH, NUMBER, OPENER, SLOT, TEXT
from dspex_actors.values._hashes import collide

_MOST: Final = 2**40


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The most that one stored value may cost. Writing obeys them too.

    Attributes:
        stored_bytes: size of the data as it is stored, compressed and with its header.
        raw_bytes: size of the body once decompressed. What a header declares is checked against it before
            any memory is taken.
        depth: containers around the innermost item; 1 to 200.
        memory_bytes: bytes the value may take in memory, estimated from above: about 240 for a container, 40
            to 90 for any other item, and five times the size of a text that is not ASCII.

    Raises:
        ConfigError: a bound is not a whole number from 1 (to 200 for `depth`).
    """

    stored_bytes: int = 256 * MIB
    raw_bytes: int = 512 * MIB
    depth: int = 100
    memory_bytes: int = 4 * GIB

    def __post_init__(self) -> None:
        for name, most in (
            ("stored_bytes", _MOST),
            ("raw_bytes", _MOST),
            ("depth", MAX_DEPTH),
            ("memory_bytes", _MOST),
        ):
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= most:
                raise ConfigError(f"Bounds.{name}", value, f"a whole number from 1 to {most}")

    @property
    def budget(self) -> Budget:
        """The same for the codec of `dspex_actors.values`."""
        return _budget(self.depth, self.memory_bytes)


@lru_cache(maxsize=16)
def _budget(depth: int, memory_bytes: int) -> Budget:
    return Budget(depth=depth, memory_bytes=memory_bytes)


DEFAULT: Final = Bounds()


class Meter:
    """Counts what a value takes, on either side.

    Args:
        bounds: what the value may cost.
        slack: levels beyond `Bounds.depth`. A reader allows the two that the payload of a tag may add below
            the innermost container.
    """

    __slots__ = ("_allowed", "depth", "left")

    def __init__(self, bounds: Bounds, *, slack: int = 0) -> None:
        self.depth = bounds.depth + slack
        self.left = self._allowed = bounds.memory_bytes

    def pay(self, price: int) -> None:
        """Take `price` bytes.

        Raises:
            TooLargeError: they are not left.
        """
        self.left -= price
        if self.left < 0:
            raise TooLargeError("memory_bytes", self._allowed - self.left, self._allowed)

    def items(self, count: int) -> None:
        """Pay for `count` numbers or other small items with their slots."""
        self.pay(NUMBER * count)

    def text(self, size: int, *, ascii_only: bool) -> None:
        """Pay for a text of `size` bytes in UTF-8."""
        self.pay(TEXT + (size if ascii_only else 5 * size))

    def content(self, size: int) -> None:
        """Pay for `size` bytes that stay one block."""
        self.pay(OPENER + size)

    def container(self, count: int, level: int) -> None:
        """Pay for a list or the like of `count` items, `level` containers around it.

        Raises:
            TooLargeError: it is nested too deeply, or too large.
        """
        if level >= self.depth:
            raise TooLargeError("depth", level + 1, self.depth)
        self.pay(OPENER + SLOT * count)

    def mapping(self, count: int, level: int) -> None:
        """Pay for a dict of `count` entries, its keys and values not included."""
        self.container(count, level)
        self.pay(ENTRY * count)

    def keys(self, keys: list[object]) -> None:
        """Pay for keys that are not all text, and refuse those that were made to collide.

        Raises:
            MalformedError: more than 64 of them have one hash.
            TypeError: one of them is not hashable.
        """
        self.pay(KEY * len(keys))
        if collide(keys):
            raise MalformedError("too many keys have one hash")


def too_large_to_write(error: TooLargeError) -> ValueEncodeError:
    """Return the writer's error for a value that its reader would refuse."""
    return ValueEncodeError("value", "object", f"it is too large: {error}")

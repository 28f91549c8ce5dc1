"""What a value may cost: how deep it nests and how much memory it takes once decoded.

Memory is estimated, never measured, and every estimate is an upper bound of what CPython 3.11 on a 64-bit
machine allocates. Both sides use the same estimate, so what one side encodes the other side can decode with
the same budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dspex_actors._errors import ConfigError

MIB: Final = 2**20

MAX_DEPTH: Final = 200  # each level costs up to three interpreter frames, and the interpreter allows 1000

# Bytes one decoded object takes, with the slot that refers to it.
SLOT: Final = 8
FLOAT: Final = 32
NUMBER: Final = 40
TEXT: Final = 88  # up to three characters of any width
OPENER: Final = 240  # an empty or small container, or any object that an extension makes
ENTRY: Final = 40  # hash table space of one dict entry
KEY: Final = (
    80  # of a set, or of a dict with keys other than text: its space in the table, and in checking it
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The most that one value may cost.

    Attributes:
        depth: containers around the innermost item; 1 to 200. A list of lists has depth 2.
        memory_bytes: bytes the decoded value may take, estimated from above. Content that stays one block
            (bytes, text in ASCII, array data) costs its size, other text five times its size, a float in a
            list 32 bytes, an integer 40, a small container or other object 240; a key that is not text 80
            more.

    Raises:
        ConfigError: `depth` is not within 1 to 200, or `memory_bytes` is not positive.
    """

    depth: int = 100
    memory_bytes: int = 48 * MIB

    def __post_init__(self) -> None:
        if not 1 <= self.depth <= MAX_DEPTH:
            raise ConfigError("depth", self.depth, f"from 1 to {MAX_DEPTH}")
        if self.memory_bytes <= 0:
            raise ConfigError("memory_bytes", self.memory_bytes, "more than 0")


DEFAULT: Final = Budget()

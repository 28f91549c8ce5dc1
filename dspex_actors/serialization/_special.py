"""The floats that text and Erlang have no number for, as words: infinities and each of the NaNs.

The NaN that Python itself makes is `nan`; any other one is `nan:` and its eight bytes, the highest first.
"""

from __future__ import annotations

from math import inf, isnan, nan
from struct import pack, unpack
from typing import Final

from dspex_actors.serialization._errors import MalformedError

_NAN: Final = pack(">d", nan)
_WORDS: Final = {"nan": nan, "inf": inf, "-inf": -inf}
_PREFIX: Final = "nan:"


def word_of(value: float) -> str:
    """Return the word for a float that is not finite."""
    bits = pack(">d", value)
    return str(value) if value in {inf, -inf} or bits == _NAN else _PREFIX + bits.hex()


def special(word: object) -> float:
    """Return the float of a word; each nan is an object of its own, so that sets of them keep their size.

    Raises:
        MalformedError: it is none of these words.
    """
    if type(word) is str and word in _WORDS:
        return float(word)
    if type(word) is str and word.startswith(_PREFIX) and len(word) == len(_PREFIX) + 16:
        try:
            value: float = unpack(">d", bytes.fromhex(word.removeprefix(_PREFIX)))[0]
        except ValueError:
            value = 0.0
        if isnan(value) and word_of(value) == word:
            return value
    raise MalformedError("a float in words that are none of its kind")

"""The wire format: MessagePack with our own extension types, and content kept beside it.

A structure is the MessagePack array `[head, value]`. `head` is one byte: the format's version in the upper
half, flags in the lower. MessagePack's own types carry None, bool, int up to 64 bits, float, str, bytes,
list, and dict with only str keys; everything else is an extension with one of the codes below.

An extension that carries content either holds it or, with `BESIDE` added to its code, stands for the next of
the buffers that travel beside the structure: the n-th such extension in document order owns the n-th buffer.
No two can name the same one.
"""

from __future__ import annotations

from typing import Final

FORMAT: Final = 0x10
FORMAT_MASK: Final = 0xF0
PLAIN: Final = 0x01  # no extensions and no bytes, nested at most PLAIN_DEPTH deep
NEEDS_NUMPY: Final = 0x02
PAIR: Final = 0x92  # MessagePack header of an array of two

PLAIN_DEPTH: Final = 6
OUT_OF_BAND: Final = 4096  # bytes of content from which on it travels beside the structure
MAX_BUFFERS: Final = 4096  # further content stays in the structure
PACKED_FROM: Final = 32  # items from which on a list of floats or ints is one block of content
FLOAT_BYTES: Final = 9  # of each float in such a block
MAX_INT_BYTES: Final = 2**20
BESIDE: Final = 0x40

# Extensions whose payload is one array (or one packed list) of values.
TUPLE: Final = 1
SET: Final = 2
FROZENSET: Final = 3
DICT: Final = 4  # key, value, key, value, ...
RANGE: Final = 5  # start, stop, step
FRACTION: Final = 6  # numerator, denominator
CONTAINERS: Final = frozenset({TUPLE, SET, FROZENSET, DICT, RANGE, FRACTION})

# Extensions with a payload of their own.
INT: Final = 10
COMPLEX: Final = 11
DECIMAL: Final = 12
DATETIME: Final = 13
DATE: Final = 14
TIME: Final = 15
TIMEDELTA: Final = 16
UUID: Final = 17
ELLIPSIS: Final = 18
TIMEZONE: Final = 19
NUMPY_SCALAR: Final = 20

# Extensions that carry content, which may be beside the structure.
BYTES: Final = 32
BYTEARRAY: Final = 33
ASCII: Final = 34
TEXT: Final = 35
FLOATS: Final = 36  # a MessagePack array of 64-bit floats, its count in two or four bytes
INTS: Final = 37  # 64-bit integers, little-endian
NDARRAY: Final = 38
OPAQUE: Final = 39
PACKED_LISTS: Final = frozenset({FLOATS, INTS, FLOATS | BESIDE, INTS | BESIDE})

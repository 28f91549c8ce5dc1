"""A value becomes bytes: a structure and the content beside it.

Lists and dicts of plain scalars are passed to msgspec as they are; two faults only msgspec sees there, a lone
surrogate and an int beyond 64 bits, make the whole walk run again, item by item.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dspex_actors.values._budget import DEFAULT, Budget
from dspex_actors.values._walk import Walk

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Encoded:
    """A value as bytes.

    Attributes:
        structure: MessagePack with this package's extension types.
        buffers: large content beside it, in the order in which the structure refers to it. They may be views
            of the value's own memory (bytes, arrays): send them before the value is changed.
    """

    structure: bytes
    buffers: tuple[bytes | bytearray | memoryview, ...]

    @property
    def size(self) -> int:
        """Bytes in all."""
        return len(self.structure) + sum(map(len, self.buffers))


def encode(
    value: object, *, budget: Budget = DEFAULT, opaque: Callable[[object], bytes] | None = None
) -> Encoded:
    """Turn a value into bytes that `decode` turns back into an equal value of the same types.

    These cross: None, bool, int, float, complex, str, bytes, bytearray, list, tuple, set, frozenset, dict,
    range, Ellipsis, Decimal, Fraction, datetime, date, time, timedelta, timezone, UUID, and numpy arrays and
    scalars of plain dtypes. Exact types only: a subclass does not cross. A list that occurs twice arrives as
    two lists. An array that is contiguous in Fortran order stays so, any other arrives in C order.

    Args:
        value: what to encode. It is not changed.
        budget: what it may cost; `decode` with the same budget accepts it.
        opaque: turns an object that has no encoding into bytes, for example `cloudpickle.dumps`. Without it
            such an object is refused.

    Raises:
        ValueEncodeError: a part of it cannot cross; says which, its type and why.
    """
    try:
        return Encoded(*Walk(budget, opaque).encode(value))
    except (
        UnicodeEncodeError,
        OverflowError,
    ):  # msgspec met a lone surrogate or a long int and does not say where
        return Encoded(*Walk(budget, opaque, item_by_item=True).encode(value))

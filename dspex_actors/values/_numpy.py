"""numpy arrays and scalars, without importing numpy.

The encoder finds numpy in `sys.modules`: a value of its types cannot exist otherwise. The decoder takes it
from there too, so that decoding never imports; `prepare` is called before. A dtype crosses as its code and is
looked up in a fixed table: booleans, integers, floats and complex numbers of the sizes every platform has,
dates and durations with one unit, and text and bytes of fixed width, in either byte order.
"""

from __future__ import annotations

import math
import re
from functools import cache
from struct import Struct
from typing import TYPE_CHECKING, Any, Final, cast

from dspex_actors.values._refusal import Unsupported

if TYPE_CHECKING:
    from types import ModuleType

    from numpy import dtype, generic
    from numpy.typing import NDArray

_MAX_CHARS: Final = 2**20  # of one item of fixed width
_MAX_NDIM: Final = 32  # numpy 1 has no more
_LAST_CODE_POINT: Final = 0x10FFFF

_SIZES: Final = {"i": (2, 4, 8), "u": (2, 4, 8), "f": (2, 4, 8), "c": (8, 16)}
_UNIT_NAMES: Final = ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as")
_UNITS: Final = (
    "",
    *(f"[{unit}]" for unit in _UNIT_NAMES),
)
_CODES: Final = frozenset(
    {"|b1", "|i1", "|u1"}
    | {f"{order}{kind}{size}" for order in "<>" for kind, sizes in _SIZES.items() for size in sizes}
    | {f"{order}{kind}8{unit}" for order in "<>" for kind in "mM" for unit in _UNITS}
)
_FIXED_WIDTH: Final = re.compile(r"(?:[<>]U|\|S)([1-9]\d{0,6})")

_HEAD: Final = Struct("<BB")  # number of dimensions, 1 for Fortran order


def _is_code(code: str) -> bool:
    if code in _CODES:
        return True
    width = _FIXED_WIDTH.fullmatch(code)
    return width is not None and int(width[1]) <= _MAX_CHARS


def _code_of(kind: dtype[Any]) -> str:
    code = kind.str
    if _is_code(code):
        return code
    if kind.hasobject:
        raise Unsupported("an array of Python objects; use x.tolist()")
    raise Unsupported(f"an array of dtype {code!r}; use x.astype(...) with a plain dtype such as float64")


@cache
def _scalar_types(np: ModuleType) -> frozenset[type]:
    coded = {np.dtype(code).type for code in _CODES}
    return frozenset(coded | {np.longlong, np.ulonglong, np.longdouble, np.clongdouble, np.str_, np.bytes_})


def is_scalar(np: ModuleType, kind: type) -> bool:
    """Return whether `kind` is exactly one of numpy's types of numbers, dates or text."""
    return kind in _scalar_types(np)


def dump_array(np: ModuleType, array: NDArray[Any]) -> tuple[bytes, memoryview]:
    """Return the description of an array and its data.

    The data is a view of the array's memory if that is contiguous in C or Fortran order, else a copy in C
    order.

    Raises:
        Unsupported: the dtype is not in the table.
    """
    code = _code_of(array.dtype)
    if array.ndim > _MAX_NDIM:
        raise Unsupported(f"an array of more than {_MAX_NDIM} dimensions")
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    flat = array.ravel(order="F") if fortran else np.ascontiguousarray(array).reshape(-1)
    shape = b"".join(length.to_bytes(8, "little") for length in array.shape)
    name = code.encode()
    head = bytes([len(name)]) + name + _HEAD.pack(array.ndim, fortran) + shape
    return head, flat.view(np.uint8).data


def dump_scalar(np: ModuleType, value: generic) -> bytes:
    """Return the code and the bytes of a numpy scalar. `longlong` comes back as the equal sized type.

    Raises:
        Unsupported: its dtype is not in the table, or its text cannot be UTF-8.
    """
    if type(value) is np.str_:
        try:
            return b"\x01U" + str.__str__(value).encode()
        except UnicodeEncodeError:
            raise Unsupported("text with a lone surrogate") from None
    if type(value) is np.bytes_:
        return b"\x01S" + bytes(cast("bytes", value))
    code = _code_of(value.dtype).encode()
    return bytes([len(code)]) + code + bytes(value.tobytes())


def _split_code(payload: memoryview) -> tuple[str, memoryview]:
    end = 1 + payload[0]
    return str(payload[1:end], "ascii"), payload[end:]


def array_head(payload: memoryview) -> tuple[str, bool, tuple[int, ...], memoryview]:
    """Split an array's payload into dtype code, whether in Fortran order, shape, and the data in the payload.

    Raises:
        ValueError: the code is not in the table, or the head is not well-formed. IndexError and
            `struct.error` too.
    """
    code, rest = _split_code(payload)
    ndim, fortran = _HEAD.unpack(rest[: _HEAD.size])
    end = _HEAD.size + 8 * ndim
    if not _is_code(code) or ndim > _MAX_NDIM or fortran > 1 or len(rest) < end:
        raise ValueError("an array of a dtype or shape that is not in the table")
    shape = Struct(f"<{ndim}Q").unpack(rest[_HEAD.size : end])
    return code, bool(fortran), shape, rest[end:]


def load_array(
    np: ModuleType, head: tuple[str, bool, tuple[int, ...], memoryview], data: memoryview
) -> NDArray[Any]:
    """Return a writable, aligned array over `data`: without a copy if `data` is writable and aligned.

    Raises:
        ValueError: the data's size is not that of the shape, or text holds what is no character.
    """
    code, fortran, shape, _ = head
    dtype = np.dtype(code)
    if math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError("an array whose data is not the size of its shape")
    if dtype.kind == "b":  # any byte may come in, only 0 and 1 are booleans
        flat = np.frombuffer(data, np.uint8) != 0 if len(data) else np.empty(0, dtype)
    else:
        flat = np.frombuffer(data, dtype) if len(data) else np.empty(0, dtype)
    if dtype.kind == "U" and len(data) and int(flat.view(f"{code[0]}u4").max()) > _LAST_CODE_POINT:
        raise ValueError("an array of text with what is no character")
    if not (flat.flags.writeable and flat.flags.aligned):
        flat = flat.copy()
    return cast("NDArray[Any]", flat.reshape(shape, order="F" if fortran else "C"))


def load_scalar(np: ModuleType, payload: memoryview) -> generic:
    """Return the numpy scalar of a payload.

    Raises:
        ValueError: its code is not in the table or its bytes are not the size of it. IndexError too.
    """
    code, data = _split_code(payload)
    if code == "U":
        return cast("generic", np.str_(str(data, "utf-8")))
    if code == "S":
        return cast("generic", np.bytes_(bytes(data)))
    if code not in _CODES:
        raise ValueError("a numpy scalar of a dtype that is not in the table")
    return cast("generic", load_array(np, (code, False, (1,), data), data)[0])

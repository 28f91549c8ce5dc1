"""numpy arrays and scalars cross with dtype, shape and order; what is not in the table does not."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dspex_actors._errors import ValueDecodeError, ValueEncodeError
from dspex_actors.values import _numpy, decode, encode, needs_numpy, prepare


def carried(value):
    parts = encode(value)
    return decode(parts.structure, parts.buffers)


def assert_same(left, right):
    assert type(left) is type(right)
    assert left.dtype == right.dtype
    assert left.dtype.str == right.dtype.str
    assert left.shape == right.shape
    assert left.tobytes() == right.tobytes()


DTYPES = [
    "?", "i1", "u1", "<i2", ">i2", "<u4", ">u4", "<i8", ">i8", "<u8", "<f2", ">f2", "<f4", "<f8", ">f8",
    "<c8", "<c16", "<M8[ns]", ">M8[D]", "<m8[s]", "<M8", "<U7", ">U3", "S5",
]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (0, 4), (700, 3)])
def test_an_array_of_each_dtype_comes_back_with_its_bytes(dtype, shape):
    size = int(np.prod(shape))
    numbers = np.arange(size) % 2 if dtype == "?" else np.arange(size)
    array = numbers.astype(dtype).reshape(shape)

    assert_same(carried(array), array)


@given(
    hnp.arrays(
        hnp.boolean_dtypes()
        | hnp.integer_dtypes(endianness="?")
        | hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64))
        | hnp.complex_number_dtypes(endianness="?", sizes=(64, 128))
        | hnp.datetime64_dtypes()
        | hnp.timedelta64_dtypes(),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0),
    )
)
@settings(max_examples=150, deadline=None)
def test_any_array_of_a_plain_dtype_comes_back_with_its_bytes(array):
    assert_same(carried(array), array)


def test_fortran_order_is_kept_and_other_strides_become_c_order():
    array = np.arange(6000.0).reshape(60, 100)

    fortran, strided, reversed_ = carried([array.T, array[::2, 1::3], array[::-1]])

    assert fortran.flags.f_contiguous
    assert (fortran == array.T).all()
    assert strided.flags.c_contiguous
    assert (strided == array[::2, 1::3]).all()
    assert (reversed_ == array[::-1]).all()


def test_a_read_only_array_crosses_and_what_arrives_can_be_written():
    array = np.arange(9)
    array.flags.writeable = False

    back = carried(array)
    back[0] = 5

    assert (back[0], array[0]) == (5, 0)


def test_an_array_is_a_view_of_a_writable_buffer_and_a_copy_of_any_other():
    array = np.arange(1000.0)
    parts = encode(array)
    writable = bytearray(parts.buffers[0])

    view = decode(parts.structure, [writable])
    copy = decode(parts.structure, [bytes(parts.buffers[0])])
    shifted = decode(parts.structure, [memoryview(bytearray(1) + writable)[1:]])
    writable[:8] = np.float64(7).tobytes()

    assert (view[0], copy[0], shifted[0]) == (7, 0, 0)
    assert all(back.flags.writeable and back.flags.aligned for back in (view, copy, shifted))


def test_the_data_of_a_large_array_is_sent_from_where_it_is():
    array = np.zeros(1000)

    (buffer,) = encode(array).buffers

    assert np.shares_memory(np.frombuffer(buffer), array)


SCALARS = [
    np.True_, np.False_, np.int8(-5), np.uint64(2**64 - 1), np.int64(-1), np.float16(1.5),
    np.float32(0.1), np.float64("nan"), np.float64("-0.0"), np.complex64(1 + 2j), np.complex128(1j),
    np.datetime64("2024-01-01"), np.datetime64("NaT"),
    np.datetime64("2024-01-01T00:00:00.000000001"), np.timedelta64(3, "h"),
    np.timedelta64(3), np.str_(""), np.str_("text ☃"), np.bytes_(b""), np.bytes_(b"a\x00"),
]  # fmt: skip


@pytest.mark.parametrize("scalar", SCALARS, ids=lambda scalar: f"{type(scalar).__name__}-{scalar!s:.20}")
def test_a_numpy_scalar_comes_back_as_the_same_type(scalar):
    back = carried([scalar])[0]

    assert type(back) is type(scalar)
    assert (back.dtype, back.tobytes()) == (scalar.dtype, scalar.tobytes())


def test_a_long_long_comes_back_as_the_sized_type_of_equal_value():
    assert carried(np.longlong(3)) == 3


def test_numpy_scalars_may_be_keys_and_items_of_sets():
    value = {np.int64(3): {np.float64(0.5)}}

    assert carried(value) == value


REFUSED = [
    (np.array([object()]), "array of Python objects; use x.tolist()"),
    (np.zeros(2, "f8,i4"), "array of dtype"),
    (np.longdouble(1), "dtype '<f16'"),
    (np.zeros(2, np.longdouble), "dtype '<f16'"),
    (np.zeros(2, "<M8[25s]"), "dtype '<M8[25s]'"),
    (np.zeros(1, "<U1048577"), "dtype '<U1048577'"),
    (np.zeros((1,) * 33), "more than 32 dimensions"),
    (np.str_("\ud800"), "lone surrogate"),
    (np.ma.masked_array([1, 2], [True, False]), "use x.filled()"),
    (np.array([1]).view(np.recarray), "use numpy.asarray(x)"),
    (np.float64, "return an instance's data"),
    (np.random.default_rng(1), "return its data as a dict"),
]


@pytest.mark.parametrize(("value", "reason"), REFUSED, ids=lambda part: type(part).__name__)
def test_numpy_data_that_is_not_in_the_table_is_refused_with_its_path(value, reason):
    with pytest.raises(ValueEncodeError) as caught:
        encode({"data": [value]})

    assert caught.value.path == "value['data'][0]"
    assert reason in caught.value.reason


def test_the_structure_says_whether_decoding_needs_numpy():
    assert needs_numpy(encode([np.float64(1)]).structure)
    assert needs_numpy(memoryview(encode(np.zeros(3)).structure))
    assert not needs_numpy(encode([1.0, (2,)]).structure)
    assert not needs_numpy(b"")


def test_preparing_a_structure_without_numpy_data_imports_nothing(monkeypatch):
    monkeypatch.delitem(sys.modules, "numpy")

    prepare(encode([1]).structure)

    assert "numpy" not in sys.modules


def test_numpy_data_without_numpy_loaded_is_a_decode_error(monkeypatch):
    parts = encode(np.zeros(3))
    monkeypatch.delitem(sys.modules, "numpy")

    with pytest.raises(ValueDecodeError, match="numpy is not loaded"):
        decode(parts.structure, parts.buffers)


def test_preparing_where_numpy_is_not_installed_is_a_decode_error(monkeypatch):
    structure = encode(np.zeros(3)).structure
    monkeypatch.setitem(sys.modules, "numpy", None)

    with pytest.raises(ValueDecodeError, match="numpy is not installed"):
        prepare(structure)


def test_the_package_imports_no_numpy_until_a_structure_needs_it():
    script = """
import sys
from dspex_actors.values import decode, encode, prepare
assert decode(encode([1, (2,)]).structure, ()) == [1, (2,)]
assert "numpy" not in sys.modules
structure = bytes.fromhex(sys.argv[1])
prepare(structure)
assert decode(structure, ()) == 1.5
assert "numpy" in sys.modules
"""
    structure = encode(np.float64(1.5)).structure.hex()

    subprocess.run([sys.executable, "-c", script, structure], check=True)


def array_structure(code=b"<f8", ndim=1, fortran=0, shape=(2,), data=b"", cut=None):
    """Return a structure that holds one array extension as a hostile sender would write it."""
    head = (
        bytes([len(code)]) + code + bytes([ndim, fortran]) + b"".join(n.to_bytes(8, "little") for n in shape)
    )
    payload = (head + data)[:cut]
    return bytes([0x92, 0x12, 0xC8]) + len(payload).to_bytes(2, "big") + b"\x26" + payload


LIES = {
    "the data is shorter than the shape": array_structure(data=bytes(8)),
    "the data is longer than the shape": array_structure(data=bytes(24)),
    "the shape overflows": array_structure(ndim=2, shape=(2**63, 2**63), data=bytes(16)),
    "a shape with zero and a huge length": array_structure(ndim=2, shape=(0, 2**64 - 1)),
    "the dtype is Python objects": array_structure(code=b"|O", data=bytes(16)),
    "the dtype is a structure": array_structure(code=b"f8,f8", data=bytes(32)),
    "the dtype has no width": array_structure(code=b"<U0"),
    "the dtype is too wide": array_structure(code=b"|S9999999"),
    "the dtype is longer than the payload": array_structure(cut=2),
    "the dtype is no ASCII": array_structure(code=b"\xff8", data=bytes(16)),
    "too many dimensions": array_structure(ndim=33, shape=(1,) * 33, data=bytes(8)),
    "the order is neither": array_structure(fortran=2, data=bytes(16)),
    "the shape is cut short": array_structure(cut=8),
    "text beyond the last code point": array_structure(code=b"<U1", data=b"\xff" * 8),
    "big-endian text beyond the last code point": array_structure(code=b">U1", data=b"\xff" * 8),
}


@pytest.mark.parametrize("lie", LIES)
def test_an_array_that_lies_about_itself_is_a_decode_error(lie):
    with pytest.raises(ValueDecodeError):
        decode(LIES[lie], ())


def test_the_hostile_array_writer_writes_what_the_decoder_reads():
    assert decode(array_structure(data=np.array([1.0, 2.0]).tobytes()), ()).tolist() == [1, 2]


@pytest.mark.parametrize(
    "payload", [b"\x03<f8" + bytes(7), b"\x02|O" + bytes(8), b"\x01U\xff", b"", b"\x03<f8"]
)
def test_a_numpy_scalar_that_lies_about_itself_is_a_decode_error(payload):
    with pytest.raises(ValueDecodeError):
        decode(bytes([0x92, 0x12, 0xC7, len(payload), 20]) + payload, ())


def test_any_byte_that_is_not_zero_arrives_as_true():
    back = decode(array_structure(code=b"|b1", shape=(3,), data=b"\x00\x02\xff"), ())

    assert back.tobytes() == b"\x00\x01\x01"


def test_every_dtype_of_the_table_is_one_that_numpy_knows_by_that_code():
    assert {np.dtype(code).str for code in _numpy._CODES} == _numpy._CODES


@given(st.text(max_size=6))
@settings(max_examples=200, deadline=None)
def test_a_dtype_outside_the_table_is_never_looked_up_in_numpy(code):
    try:
        decode(array_structure(code=code.encode()[:255]), ())
    except ValueDecodeError as error:
        assert "data type" not in str(error)  # noqa: PT017 -- most codes fail, and how is the point

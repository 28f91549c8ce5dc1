"""What writers and readers of Erlang's terms share: numbers, atoms, heads, and that no size is believed."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspex_actors.values import _etf as wire
from dspex_actors.values._budget import NUMBER


class TornError(Exception):
    pass


class RefusedError(Exception):
    pass


class Reader(wire.TermReader):
    """Reads terms as nested tuples; counts the items it was asked to make."""

    def __init__(self, data):
        super().__init__(data, 1)
        self.paid = 0

    def _torn(self, needed):
        assert needed > len(self._data)
        return TornError(needed)

    def _refused(self, kind):
        return RefusedError(wire.FOREIGN.get(kind, kind))

    def _pay(self, price, kind):
        assert kind == "integer"
        self.paid += price

    def _values(self, count, level):
        assert count <= len(self._data) - self._at
        return tuple([self._read(level + 1) for _ in range(count)])

    def _big(self, size):
        negative = self._take(1)[0]
        value = int.from_bytes(self._take(size), "little")
        return -value if negative else value

    def _new_float(self, _level):
        return self._float()

    def _tuple(self, count, level):
        return self._values(count, level)

    def _nil(self, _level):
        return []

    def _string(self, _level):
        return list(self._take(self._count(2)))

    def _list(self, level):
        return ["list", *self._values(self._count(4), level), self._read(level)]

    def _binary(self, _level):
        return self._take(self._count(4))

    def _map(self, level):
        count = self._count(4)
        return {"map": [self._values(2, level) for _ in range(count)]}

    def _atom(self, name):
        return wire.ATOMS.get(name.decode("latin-1"), name)

    def whole(self):
        value = self._read(0)
        assert self._at <= len(self._data)
        return value


def written(put, value):
    out = bytearray([wire.VERSION])
    put(value, out)
    return bytes(out)


def put(value, out):
    """Append a value of nested tuples."""
    if type(value) is tuple:
        wire.put_tuple(len(value), out)
        for item in value:
            put(item, out)
    else:
        kinds = {int: wire.put_int, float: wire.put_float, bytes: wire.put_binary, bool: wire.put_bool}
        kinds.get(type(value), wire.put_none)(value, out)


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
TERMS = st.recursive(LEAVES | st.binary(), lambda inner: st.lists(inner, max_size=5).map(tuple))
EDGES = [0, 255, 256, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**2039, 2**2040 - 1, 2**2040, -(2**2040)]


@given(TERMS)
def test_what_is_written_is_read_as_it_was(value):
    assert Reader(written(put, value)).whole() == value


@pytest.mark.parametrize("value", EDGES)
def test_integers_around_each_change_of_form_are_read_as_they_were(value):
    assert Reader(written(wire.put_int, value)).whole() == value


@pytest.mark.parametrize(
    ("value", "head"),
    [
        (255, [wire.SMALL_INTEGER, 255]),
        (256, [wire.INTEGER, 0, 0, 1, 0]),
        (2**31, [wire.SMALL_BIG, 4, 0, 0, 0, 0, 128]),
        (-(2**2040), [wire.LARGE_BIG, 0, 0, 1, 0, 1]),
    ],
)
def test_an_integer_has_the_shortest_form_that_holds_it(value, head):
    assert written(wire.put_int, value)[1:].startswith(bytes(head))


@pytest.mark.parametrize(("size", "kind"), [(255, wire.SMALL_TUPLE), (256, wire.LARGE_TUPLE)])
def test_a_tuple_of_more_than_255_items_has_a_head_of_its_own(size, kind):
    assert written(wire.put_tuple, size)[1] == kind
    assert Reader(written(put, (1,) * size)).whole() == (1,) * size


def test_an_integer_is_paid_for_before_it_is_made():
    reader = Reader(written(put, (1, 1000)))
    reader.whole()

    assert reader.paid == 2 * NUMBER


@given(TERMS, st.data())
def test_a_term_that_ends_early_is_torn_wherever_it_ends(value, data):
    term = written(put, value)
    end = data.draw(st.integers(1, len(term) - 1))

    with pytest.raises(TornError):
        Reader(term[:end]).whole()


@given(TERMS, st.data())
def test_a_changed_byte_is_another_value_or_an_error_and_nothing_else(value, data):
    term = bytearray(written(put, value))
    at = data.draw(st.integers(1, len(term) - 1))
    term[at] = data.draw(st.integers(0, 255))

    with contextlib.suppress(TornError, RefusedError):
        Reader(bytes(term)).whole()


@pytest.mark.parametrize("kind", [wire.LIST, wire.MAP, wire.LARGE_TUPLE, wire.BINARY, wire.LARGE_BIG])
def test_a_size_that_the_bytes_cannot_hold_is_not_believed(kind):
    with pytest.raises(TornError):
        Reader(bytes([wire.VERSION, kind, 255, 255, 255, 255])).whole()


@pytest.mark.parametrize("kind", [*wire.FOREIGN, *wire.UNUSUAL, wire.COMPRESSED, 0, 255])
def test_what_has_no_value_outside_of_erlang_is_refused(kind):
    assert kind not in Reader._readers
    with pytest.raises(RefusedError):
        Reader(bytes([wire.VERSION, kind, 0, 0, 0, 0])).whole()


def test_a_reader_without_a_method_for_a_kind_cannot_be_made():
    with pytest.raises(AttributeError, match="_new_float"):
        type("Incomplete", (wire.TermReader,), {})

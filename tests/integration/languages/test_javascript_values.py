"""JavaScript values as Python has them, and the other way round; what cannot cross is told by its path."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dspex_actors import Completed, Failed
from tests._engines import need_engine

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")


@pytest.fixture(scope="module")
def session(runtime):
    """One session: its driver has each value in turn."""
    need_engine("javascript")
    with runtime.session(language="javascript") as session:
        yield session


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("undefined", None),
        ("null", None),
        ("[undefined, , 1]", [None, None, 1]),
        ("({ a: undefined })", {"a": None}),
        ("{ a: 1, b: [2] }", {"a": 1, "b": [2]}),
        ("2 ** 53 - 1", 2**53 - 1),
        ("2 ** 53", float(2**53)),
        ("5n", 5),
        ("-(2n ** 64n)", -(2**64)),
        ("2n ** 64n - 1n", 2**64 - 1),
        ("-(2n ** 63n)", -(2**63)),
        ("-(128n ** 9n)", -(128**9)),
        ("-1e400", float("-inf")),
        ("new Map([['a', 1], ['b', new Map([[1, 2]])]])", {"a": 1, "b": {1: 2}}),
        ("new Map([[null, 1], [true, 2], [2n ** 70n, 3]])", {None: 1, True: 2, 2**70: 3}),
        ("new Set([1, 'a', null])", {1, "a", None}),
        ("new Set()", set()),
        ("new Date(Date.UTC(2024, 1, 29, 23, 59, 58, 123))", datetime(2024, 2, 29, 23, 59, 58, 123000, UTC)),
        ("new Date(-62135596800000)", datetime(1, 1, 1, tzinfo=UTC)),
        ("new Uint8Array([1, 2]).buffer", b"\1\2"),
        ("new DataView(new Uint8Array([1, 2, 3]).buffer, 1)", b"\2\3"),
        ("Buffer.from('abc')", b"abc"),
        ("new Uint8Array(0)", b""),
        ("new Number(3)", 3),
        ("new (class Point { constructor() { this.x = 1; } get y() { return 2; } })()", {"x": 1}),
        ("Object.assign(Object.create(null), { x: 1 })", {"x": 1}),
        ("JSON.parse('{\"__proto__\": 1}')", {"__proto__": 1}),
        ("new TypeError('no')", {"name": "TypeError", "message": "no"}),
        ("Promise.resolve([1])", [1]),
        ("(() => { const shared = [1]; return [shared, shared]; })()", [[1], [1]]),
        ("'x'.repeat(5000) + 'ü'", "x" * 5000 + "ü"),
        ("Array.from({ length: 100 }, (_, i) => i - 50)", list(range(-50, 50))),
        ("Array.from({ length: 100 }, (_, i) => i * 2 ** 40)", [i * 2**40 for i in range(100)]),
        ("Array.from({ length: 100 }, (_, i) => i + 0.5)", [i + 0.5 for i in range(100)]),
        (
            "Array.from({ length: 100 }, (_, i) => i / 2)",
            [i // 2 if i % 2 == 0 else i / 2 for i in range(100)],
        ),
    ],
)
def test_a_javascript_value_arrives_as_the_python_value_that_it_is(session, code, value):
    result = session.execute(code)

    assert isinstance(result, Completed), result
    assert (result.value, type(result.value)) == (value, type(value))


def test_not_a_number_and_negative_zero_stay_what_they_are(session):
    nan, zero = session.execute("[NaN, -0]").value

    assert nan != nan  # noqa: PLR0124 -- that is how it is told
    assert str(zero) == "-0.0"


@pytest.mark.parametrize(
    ("code", "path", "kind"),
    [
        ("() => 1", "value", "function"),
        ("({ a: [1, Symbol('x')] })", 'value["a"][1]', "symbol"),
        ("const a = { b: {} }; a.b.c = a; a", 'value["b"]["c"]', "Object"),
        ("const l = []; l.push(l); l", "value[0]", "Array"),
        ("new Map([[{}, 1]])", "value", "Map"),
        ("new Set([[1]])", "value", "Set"),
        ("new Set([1, true])", "value", "Set"),
        ("new Map([[1, 'a'], [1n, 'b']])", "value", "Map"),
        ("new Date(NaN)", "value", "Date"),
        ("new Date(8.64e15)", "value", "Date"),
        ("[new WeakMap()]", "value[0]", "WeakMap"),
        ("[Promise.resolve(1)]", "value[0]", "Promise"),
        ("/x/", "value", "RegExp"),
        ("new Proxy({}, {})", "value", "Proxy"),
        ("'\\ud800'", "value", "string"),
        ("({ '\\udfff': 1 })", 'value["\\udfff"]', "string"),
        ("let d = []; for (let i = 0; i < 101; i++) d = [d]; d", "value" + "[0]" * 100, "Array"),
    ],
)
def test_what_cannot_cross_is_refused_with_its_path_and_its_kind(session, code, path, kind):
    result = session.execute(code)

    assert isinstance(result, Failed), result
    assert result.error.type == "ValueEncodeError"
    assert result.error.message.startswith(f"{path} ({kind}) cannot cross: ")


def test_a_value_that_is_nested_as_deep_as_may_be_crosses(session):
    deep = session.execute("let e = []; for (let i = 0; i < 99; i++) e = [e]; e").value

    for _ in range(99):
        (deep,) = deep
    assert deep == []


@pytest.mark.parametrize(
    ("value", "code", "expected"),
    [
        (2**53, "typeof x", "bigint"),
        (2**53 - 1, "typeof x", "number"),
        (-(2**70), "x === -(2n ** 70n)", True),
        ((1, 2), "Array.isArray(x) && x instanceof Array", True),
        ({"a": 1}, "x instanceof Object && x.a === 1", True),
        ({1: "a"}, "x instanceof Map && x.get(1) === 'a'", True),
        ({1}, "x instanceof Set && x.has(1)", True),
        (b"ab", "x instanceof Uint8Array && x[1] === 98", True),
        ({"__proto__": 5}, "Object.keys(x).length === 1 && x instanceof Object", True),
        (datetime(2024, 1, 2, 3, 4, 5, 678999, UTC), "x.toISOString()", "2024-01-02T03:04:05.678Z"),
        (datetime(2024, 1, 2, tzinfo=timezone(timedelta(hours=2))), "+x", 1_704_146_400_000),
        (datetime(1960, 1, 2), "x.toISOString()", "1960-01-02T00:00:00.000Z"),  # noqa: DTZ001 -- naive on purpose
        (date(99, 12, 31), "x.toISOString()", "0099-12-31T00:00:00.000Z"),
        (UUID(int=1), "x", "00000000-0000-0000-0000-000000000001"),
        (range(5, 0, -2), "x", [5, 3, 1]),
        (np.int64(5), "x", 5),
        (np.float32(0.5), "x", 0.5),
        (np.bool_(1), "x", True),
        (np.array([True, False]), "x", [True, False]),
        (np.arange(6.0).reshape(2, 3), "[x.constructor.name, x.shape, x[5]]", ["Float64Array", [2, 3], 5]),
        (np.arange(3), "[x.constructor.name, x[2] === 2n]", ["BigInt64Array", True]),
    ],
)  # fmt: skip
def test_a_python_value_arrives_as_the_javascript_value_that_it_is(session, value, code, expected):
    result = session.execute(code, variables={"x": value})

    assert isinstance(result, Completed), result
    assert result.value == expected


@pytest.mark.parametrize(
    "value", [Decimal(1), 1j, timedelta(1), ..., object, np.array([1j]), np.array(["a"])]
)
def test_a_python_value_that_javascript_has_nothing_for_is_refused(session, value):
    result = session.execute("x", variables={"x": value})

    assert isinstance(result, Failed)
    assert result.error.type == "ValueEncodeError"
    assert result.error.message.startswith('value["x"] (')
    assert "JavaScript has nothing" in result.error.message


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ([0, (1, [1j])], "[1][1][0]"),
        ({"a b": [{"y": 1j}]}, '["a b"][0]["y"]'),
        ({1: 2, 3: {"z": 1j}}, '[...]["z"]'),
    ],
)
def test_a_value_within_another_one_is_refused_with_its_path_as_variable_and_from_a_tool(
    session, value, path
):
    told = [
        session.execute("1", variables={"x": value}).error.message,
        session.execute("give()", tools={"give": lambda: value}).error.message,
    ]

    said = "(complex) cannot cross: JavaScript has nothing that it could be"
    assert told == [f'value["x"]{path} {said}', f"give(){path} {said}"]


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
@pytest.mark.parametrize("shape", [(0,), (5,), (2, 3), (), (2, 0, 4)])
def test_arrays_come_back_with_their_dtype_and_shape(session, kind, shape):
    array = np.arange(np.prod(shape, dtype=int)).astype(kind).reshape(shape)
    back = session.execute("x", variables={"x": array}).value

    assert (back.dtype, back.shape) == (array.dtype, shape)
    assert np.array_equal(back, array)


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 10**6])
def test_blocks_of_any_size_come_back_as_they_were(session, size):
    sent = {"bytes": bytes(size), "text": "a" * size, "wide": "𝄞" * (size // 4), "array": np.zeros(size)}
    back = session.execute("x", variables={"x": sent}).value

    assert np.array_equal(back.pop("array"), sent.pop("array"))
    assert back == sent


_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(max_size=50)
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=50) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=100,
)


def as_javascript_has_it(value):
    """Return what a plain value comes back as: numbers that are whole are ints."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 and str(value) != "-0.0":
        return int(value)
    if isinstance(value, list):
        return [as_javascript_has_it(item) for item in value]
    if isinstance(value, dict):
        return {key: as_javascript_has_it(item) for key, item in value.items()}
    return value


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_VALUES)
def test_any_plain_value_crosses_twice_and_is_what_it_was(session, value):
    back = session.execute("x", variables={"x": value}).value

    assert repr(back) == repr(as_javascript_has_it(value)) or back == as_javascript_has_it(value)


def test_one_realm_is_a_fresh_start_for_each_execution(runtime):
    results = [
        runtime.execute("globalThis.n = (globalThis.n ?? 0) + 1", language="javascript") for _ in range(2)
    ]

    assert [result.value for result in results] == [1, 1]

"""Values cross exactly, both ways; what cannot cross is refused by name and costs no worker."""

from __future__ import annotations

import math
import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import numpy as np
import pytest

from dspex_actors import Completed, Failed, ValueEncodeError
from tests.integration._tools import pidfds_of, runtime_of, wait_stats

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")

VALUES = [
    None,
    True,
    0,
    -1,
    2**63,
    -(2**200),
    0.1,
    -0.0,
    math.inf,
    1 + 2j,
    "",
    "ü€😀\0",
    b"",
    bytes(range(256)),
    bytearray(b"ab"),
    [],
    [1, "a", None],
    (),
    (1, (2, (3,))),
    {},
    {"a": 1, 2: "b", (3, 4): None, None: 5, b"x": 1.5},
    set(),
    {1, "a"},
    frozenset({1, frozenset({2})}),
    range(3, 30, 4),
    ...,
    Decimal("1.10"),
    Fraction(1, 3),
    date(2024, 2, 29),
    datetime(2024, 2, 29, 12, 30, 1, 5, tzinfo=UTC),
    timedelta(days=-1, microseconds=5),
    UUID(int=5),
    [[["x"] * 10] * 10] * 10,
]


def same(left, right):
    return type(left) is type(right) and left == right and repr(left) == repr(right)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:40])
def test_a_value_goes_in_and_comes_back_as_it_was(runtime, value):
    try:
        result = runtime.execute("(x, type(x).__name__)", variables={"x": value})
    except ValueEncodeError:
        pytest.fail("it was refused")

    assert isinstance(result, Completed), result
    back, name = result.value
    assert name == type(value).__name__
    assert same(back, value) or (isinstance(value, set | frozenset | dict) and back == value)


def test_not_a_number_comes_back_as_not_a_number(runtime):
    assert math.isnan(runtime.execute("x", variables={"x": math.nan}).value)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype=np.int64).reshape(3, 4),
        np.array(5.5),
        np.zeros((0, 3), dtype=np.float32),
        np.asfortranarray(np.arange(6, dtype=np.uint16).reshape(2, 3)),
        np.arange(20)[::3],
        np.array([1 + 2j], dtype=np.complex64),
        np.array([True, False]),
        np.arange(10, dtype=">i4"),
        np.random.default_rng(5).random((50, 50)),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_an_array_keeps_its_numbers_shape_and_type(runtime, array):
    result = runtime.execute("x", variables={"x": array})

    assert isinstance(result, Completed), result
    assert (result.value.dtype, result.value.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(result.value, array)


def test_an_array_from_a_guest_can_be_written_to(runtime):
    value = runtime.execute("import numpy as np\nnp.zeros(100_000)").value

    value[0] = 5
    assert value.sum() == 5


def test_numpy_scalars_come_back_as_numbers_of_their_kind(runtime):
    value = runtime.execute("import numpy as np\n(np.int32(5), np.float64(0.5))").value

    assert [(type(number).__name__, number) for number in value] == [("int32", 5), ("float64", 0.5)]


def test_a_callable_of_the_host_runs_in_the_guest(runtime):
    factor = 3

    def times(x):
        return x * factor

    result = runtime.execute("times(14) + add(1, 2)", variables={"times": times, "add": lambda a, b: a + b})

    assert result.value == 45


def test_an_object_of_the_host_is_used_in_the_guest_and_does_not_come_back(runtime):
    class Account:
        def __init__(self, amount):
            self.amount = amount

        def pay(self, amount):
            self.amount -= amount
            return self.amount

    account = Account(100)
    inside = runtime.execute("account.pay(30)", variables={"account": account})
    outside = runtime.execute("account", variables={"account": account})

    assert (inside.value, account.amount) == (70, 100)
    assert isinstance(outside, Failed)
    assert outside.error.type == "ValueEncodeError"


def test_what_the_host_passes_is_a_copy(runtime):
    rows = [1, 2]

    assert runtime.execute("rows.append(3); rows", variables={"rows": rows}).value == [1, 2, 3]
    assert rows == [1, 2]


def test_many_megabytes_cross_both_ways(runtime):
    data = bytes(8 * 2**20)

    assert runtime.execute("len(data), data", variables={"data": data}).value == (len(data), data)


class Stubborn:
    def __reduce__(self):
        msg = "I stay here"
        raise RuntimeError(msg)


@pytest.mark.parametrize(
    ("variables", "path"),
    [
        ({"lock": threading.Lock()}, "lock"),
        ({"a": 1, "rows": [1, {"b": Stubborn()}]}, "rows"),
        ({"text": ["ok", "\ud800"]}, "text"),
        ({"module": (i for i in range(3))}, "module"),
    ],
)
def test_a_variable_that_cannot_cross_is_named_and_the_worker_is_used_again(variables, path):
    with runtime_of(spares=1, max_workers=1) as runtime:
        wait_stats(runtime, lambda stats: stats.ready == 1)
        with pidfds_of(runtime.executor) as before:
            with pytest.raises(ValueEncodeError) as caught:
                runtime.execute("1", variables=variables)
            wait_stats(runtime, lambda stats: stats.ready == 1)
            result = runtime.execute("1 + 1")

            assert path in caught.value.path
            assert result.value == 2
            assert result.worker.pid in before


def test_a_worker_killed_while_its_variables_were_refused_is_given_to_nobody():
    release, entered = threading.Event(), threading.Event()

    class Slow:
        def __reduce__(self):
            entered.set()
            release.wait(20)
            msg = "not today"
            raise RuntimeError(msg)

    with runtime_of(spares=1, max_workers=1) as runtime:
        wait_stats(runtime, lambda stats: stats.ready == 1)
        future = runtime.submit("1", variables={"x": Slow()})
        assert entered.wait(20)
        future.cancel()
        release.set()

        assert [runtime.execute("1 + 1").value for _ in range(3)] == [2, 2, 2]


def test_an_object_whose_module_the_guest_lacks_fails_in_the_guest(runtime):
    result = runtime.execute("1", variables={"case": pytest.fixture})

    assert isinstance(result, Failed)
    assert "pytest" in result.error.message

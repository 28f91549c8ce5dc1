"""What cannot cross is refused with its path, its type and a reason, and none of its code is run."""

from __future__ import annotations

import enum
import pickle
import sys
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from datetime import datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import cloudpickle
import pytest

from dspex_actors._errors import ConfigError, ValueDecodeError, ValueEncodeError
from dspex_actors.values import DEFAULT_BUDGET, Budget, decode, encode

Point = namedtuple("Point", "x y")  # noqa: PYI024 -- the kind of class that users have


class Colour(enum.IntEnum):
    RED = 1


class Text(str):
    __slots__ = ()


class OddZone(tzinfo):
    def utcoffset(self, _when):
        return timedelta(0)


def refusal(value, **options) -> ValueEncodeError:
    with pytest.raises(ValueEncodeError) as caught:
        encode(value, **options)
    return caught.value


def nested(depth, inner=None):
    value = inner
    for _ in range(depth):
        value = [value]
    return value


FOREIGN = [
    (Point(1, 2), "Point", "use tuple(x)"),
    (OrderedDict(a=1), "collections.OrderedDict", "use dict(x)"),
    (defaultdict(list), "collections.defaultdict", "use dict(x)"),
    (Counter("aab"), "collections.Counter", "use dict(x)"),
    (deque([1]), "collections.deque", "use list(x)"),
    (Colour.RED, "Colour", "use x.value"),
    (Text("a"), "Text", "use str(x)"),
    (object(), "object", "return its data as a dict"),
    (len, "builtin_function_or_method", "return what it computes"),
    (refusal, "function", "return what it computes"),
    (sys, "module", "return a value from it"),
    (int, "type", "return an instance's data"),
    (iter([]), "list_iterator", "exact built-in types"),
    ((x for x in ()), "generator", "use list(x)"),
    ({}.keys(), "dict_keys", "use list(x)"),
    (memoryview(b"x"), "memoryview", "use bytes(x)"),
    (KeyError("k"), "KeyError", "use str(x)"),
    (ZoneInfo("UTC"), "zoneinfo.ZoneInfo", "use datetime.timezone"),
    (
        datetime(2024, 1, 1, tzinfo=ZoneInfo("UTC")),
        "datetime.datetime",
        "use x.astimezone(datetime.timezone.utc)",
    ),
    (time(1, tzinfo=OddZone()), "datetime.time", "not a datetime.timezone"),
    (timezone(timedelta(0), Text("x")), "datetime.timezone", "not a plain str"),
    (1 << (8 * 2**20), "int", "at most 1048576 cross"),
    (Decimal("1E+1000000"), "decimal.Decimal", "an exponent of 999999"),
    (Decimal("1" * 4301), "decimal.Decimal", "4300 digits"),
    (Fraction(1, 1 << 4096), "fractions.Fraction", "4096 bits"),
]


@pytest.mark.parametrize(
    ("value", "type_name", "reason"), FOREIGN, ids=lambda part: ascii(type(part).__name__)
)
def test_a_value_of_another_type_is_refused_with_what_to_do_instead(value, type_name, reason):
    error = refusal({"rows": [0, value]})

    assert error.path == "value['rows'][1]"
    assert error.type_name.endswith(type_name)
    assert reason in error.reason


PATHS = [
    (object(), "value"),
    ([0, object()], "value[1]"),
    ((0, [object()]), "value[1][0]"),
    ({"rows": [1, 2, {"x": object()}]}, "value['rows'][2]['x']"),
    ({"it's": object()}, 'value["it\'s"]'),
    ({7: object()}, "value[7]"),
    ({2**70: object()}, "value[<int>]"),
    ({(1, 2): object()}, "value[<tuple>]"),
    ({"k" * 50: object()}, "value['" + "k" * 40 + "'...]"),
    ({Text("k"): 1}, "value[<"),
    ({Point(1, 2)}, "value[<item>]"),
    ([frozenset({Point(1, 2)})], "value[0][<item>]"),
]


@pytest.mark.parametrize(("value", "path"), PATHS)
def test_the_path_leads_to_the_part_that_cannot_cross(value, path):
    assert refusal(value).path.startswith(path)


def test_a_key_that_cannot_cross_is_named_as_a_key():
    assert refusal({Point(1, 2): 0}).reason.startswith("as a key: only plain values")


def test_a_path_longer_than_eight_steps_is_shortened():
    assert refusal(nested(20, object())).path == "value" + "[0]" * 8 + "... (12 more)"


SURROGATES = [
    ("\ud800", "value", 0),
    (["fine", "a\udfff"], "value[1]", 1),
    ({"k": ["x" * 5000 + "\ud800"]}, "value['k'][0]", 5000),
    (["fine", ("a", {"b": "\ud800"})], "value[1][1]['b']", 0),
    (["a"] * 40 + ["\ud800"], "value[40]", 0),
]


@pytest.mark.parametrize(("value", "path", "index"), SURROGATES)
def test_text_with_a_lone_surrogate_is_refused_with_its_path(value, path, index):
    error = refusal(value)

    assert (error.path, error.reason) == (path, f"a lone surrogate at index {index} has no UTF-8")


@pytest.mark.parametrize("value", [{"\ud800": 1}, {"\ud800": 1, 2: 3}])
def test_a_key_with_a_lone_surrogate_is_refused_with_its_path(value):
    error = refusal([value])

    assert error.path == "value[0]['\\ud800']"
    assert error.reason == "as a key: a lone surrogate at index 0 has no UTF-8"


def test_a_list_that_holds_itself_is_called_a_cycle():
    value = {"a": []}
    value["a"].append([value["a"]])

    error = refusal(value)

    assert error.path == "value['a'][0][0]"
    assert error.reason == "a cycle: it is value['a'] again"


def test_a_dict_that_holds_itself_is_called_a_cycle():
    value = {}
    value["self"] = value

    assert refusal(value).reason == "a cycle: it is value again"


def test_a_cycle_through_a_tuple_and_an_int_key_is_called_a_cycle():
    inner = {}
    inner[1] = (inner,)

    assert refusal([inner]).reason == "a cycle: it is value[0] again"


@pytest.mark.parametrize("depth", [101, 10_000, 1_000_000])
def test_a_value_nested_too_deeply_is_refused_with_the_start_of_its_path(depth):
    error = refusal(nested(depth))

    assert error.path == "value" + "[0]" * 8 + "... (92 more)"
    assert error.reason == "nested deeper than the 100 levels that cross"


def test_a_value_at_the_largest_depth_crosses_and_one_level_more_does_not():
    parts = encode(nested(100))

    assert decode(parts.structure, ()) == nested(100)
    assert "100 levels" in refusal(nested(101)).reason


@pytest.mark.parametrize("wrap", [lambda x: (x,), lambda x: {1: x}, lambda x: frozenset({x})])
def test_containers_of_every_kind_count_one_level(wrap):
    value = ()
    for _ in range(4):
        value = wrap(value) if wrap(()) != {1: ()} else {1: value}
    budget = Budget(depth=5)

    parts = encode(value, budget=budget)

    assert decode(parts.structure, parts.buffers, budget=budget) == value
    assert "4 levels" in refusal(value, budget=Budget(depth=4)).reason
    with pytest.raises(ValueDecodeError, match="deeper than 4"):
        decode(parts.structure, parts.buffers, budget=Budget(depth=4))


@pytest.mark.parametrize("value", [[range(3)], [Fraction(1, 2)]])
def test_a_range_or_fraction_counts_one_level_as_it_does_when_decoded(value):
    parts = encode(value, budget=Budget(depth=2))

    assert decode(parts.structure, parts.buffers, budget=Budget(depth=2)) == value
    assert "1 levels" in refusal(value, budget=Budget(depth=1)).reason


def test_lists_that_share_their_items_are_stopped_by_the_memory_budget():
    value = ["laugh"] * 10
    for _ in range(30):
        value = [value] * 10

    error = refusal(value)

    assert "memory of its budget" in error.reason


TOO_LARGE = [
    [0.5] * 1_600_000,
    [7] * 1_300_000,
    ["x" * 4000] * 20_000,
    ["x" * 4096] * 20_000,
    [b"x" * 40] * 1_300_000,
    "é" * 6_000_000,
    b"x" * (49 * 2**20),
    [{} for _ in range(300_000)],
    [{f"k{n}": "v"} for n in range(200_000)],
    {n: n for n in range(700_000)},
    [str(n) for n in range(1_000_000)],
    [(n,) for n in range(300_000)],
    [{"a": 1, "b": "x" * 4000} for n in range(20_000)],
]


@pytest.mark.parametrize("index", range(len(TOO_LARGE)))
def test_a_value_that_may_take_more_memory_than_the_budget_is_refused(index):
    assert "50331648 bytes of memory" in refusal(TOO_LARGE[index]).reason


def test_sixteen_mebibytes_of_raw_bytes_are_within_the_default_budget():
    content = b"x" * (16 * 2**20)
    parts = encode({"data": content})

    assert decode(parts.structure, parts.buffers) == {"data": content}


FITS = [
    [0.5] * 1_000_000,
    [7] * 1_000_000,
    [str(n) for n in range(200_000)],
    [{"id": n, "name": "row", "score": 0.1 * n, "tags": ["a", "b"]} for n in range(20_000)],
    [(n, 0.1 * n, "row") for n in range(50_000)],
]


@pytest.mark.parametrize("index", range(len(FITS)))
def test_what_one_side_encodes_the_other_decodes_with_the_same_budget(index):
    parts = encode(FITS[index])

    assert decode(parts.structure, parts.buffers) == FITS[index]


@pytest.mark.parametrize(
    "keys", [{n * (2**61 - 1) for n in range(1, 200)}, {n * (2**61 - 1): 0 for n in range(1, 200)}]
)
def test_keys_made_to_have_one_hash_are_refused(keys):
    assert refusal([keys]).reason == "too many of its keys have one hash"


def test_a_recursion_limit_already_reached_is_an_error_that_names_it():
    def deeper():
        try:
            deeper()
        except RecursionError:
            encode(nested(90))

    with pytest.raises(ValueEncodeError, match="what is left of this thread's stack"):
        deeper()


class _Loud(type):
    """A metaclass whose every method ends the test."""

    def _fail(cls, *_args):
        pytest.fail("the guest's code was run")

    __getattribute__ = __eq__ = __instancecheck__ = __subclasscheck__ = __repr__ = __str__ = __hash__ = _fail


def test_no_code_of_the_value_or_of_its_class_is_run():
    def fail(*_args):
        pytest.fail("the guest's code was run")

    names = (
        "__repr__",
        "__str__",
        "__iter__",
        "__eq__",
        "__len__",
        "__bool__",
        "__getattribute__",
        "__reduce_ex__",
    )
    body = dict.fromkeys(names, fail) | {"__hash__": object.__hash__, "__class__": property(fail)}
    for base in (object, dict, list, str, int, float, set, frozenset, tuple, Decimal):
        loud = _Loud("Loud", (base,), dict(body))

        item = base.__new__(loud)
        for value in ([item], {0: item}, [item] * 40, [0.5] * 40 + [item]):
            error = refusal(value)

            assert (error.path[:6], error.type_name.rpartition(".")[2]) == ("value[", "Loud")


def test_a_class_whose_names_are_no_plain_text_is_shown_as_a_question_mark():
    odd = type("odd", (), {"__module__": 7})
    odd.__qualname__ = Text("odd")
    nameless = eval("type('nameless', (), {})", {"__builtins__": {"type": type}})  # noqa: S307 -- has no module

    assert refusal(odd()).type_name == "?"
    assert refusal(nameless()).type_name == "nameless"


def test_the_error_survives_pickling():
    error = refusal([object()])

    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own bytes

    assert (str(copy), copy.path) == (str(error), "value[0]")


def test_an_object_without_an_encoding_crosses_as_opaque_where_both_sides_agree():
    value = [
        1,
        {"f": lambda x: x + 1, Point(1, 2): Colour.RED},
        {Colour.RED},
        1 << (8 * 2**20),
        Fraction(1, 1 << 4096),
    ]

    parts = encode(value, opaque=cloudpickle.dumps)
    back = decode(parts.structure, parts.buffers, opaque=cloudpickle.loads)

    assert back[1]["f"](1) == 2
    assert (back[1][Point(1, 2)], *back[2:]) == (Colour.RED, *value[2:])
    with pytest.raises(ValueDecodeError, match="opaque value, which this side does not accept"):
        decode(parts.structure, parts.buffers)


def test_a_large_opaque_value_travels_beside_the_structure():
    parts = encode([deque(["x" * 9000])], opaque=cloudpickle.dumps)

    assert len(parts.buffers) == 1
    assert decode(parts.structure, parts.buffers, opaque=cloudpickle.loads) == [deque(["x" * 9000])]


def test_an_object_that_cannot_be_pickled_is_refused_with_its_path():
    error = refusal([0, (x for x in ())], opaque=cloudpickle.dumps)

    assert error.path == "value[1]"
    assert error.reason.startswith("it cannot be pickled: TypeError: ")


def test_an_opaque_value_that_cannot_be_made_is_a_decode_error():
    parts = encode(object(), opaque=lambda _: b"bytes")

    def load(content):
        raise ImportError(f"no module for {content!r}")

    with pytest.raises(ValueDecodeError, match="cannot be made here: ImportError: no module for b'bytes'"):
        decode(parts.structure, parts.buffers, opaque=load)


@pytest.mark.parametrize(("field", "value"), [("depth", 0), ("depth", 201), ("memory_bytes", 0)])
def test_a_budget_out_of_range_is_refused(field, value):
    with pytest.raises(ConfigError, match=field):
        Budget(**{field: value})


def test_the_default_budget_is_a_hundred_levels_and_48_mebibytes():
    assert (DEFAULT_BUDGET.depth, DEFAULT_BUDGET.memory_bytes) == (100, 48 * 2**20)

"""Variables cross as data where they can, by cloudpickle where they must, else they are refused by name."""

from __future__ import annotations

import threading

import pytest

from dspex_actors import ValueDecodeError, ValueEncodeError, values
from dspex_actors.executors._variables import encode_variables


def test_no_variables_need_no_bytes():
    assert encode_variables({}) is None


def test_plain_variables_cross_without_any_pickle():
    variables = {"a": [1, (2, {"x"})], "b": b"bytes", "c": None}
    encoded = encode_variables(variables)

    assert values.decode(encoded.structure, encoded.buffers) == variables


def test_a_callable_crosses_as_an_opaque_value():
    encoded = encode_variables({"f": lambda x: x + 1})

    with pytest.raises(ValueDecodeError):
        values.decode(encoded.structure, encoded.buffers)


class Stubborn:
    def __reduce__(self):
        msg = "I stay here"
        raise RuntimeError(msg)


@pytest.mark.parametrize(
    ("variables", "name", "words"),
    [
        ({"lock": threading.Lock()}, "lock", "cannot pickle"),
        ({"ok": 1, "obj": Stubborn()}, "obj", "I stay here"),
        ({"rows": [1, {"deep": threading.Lock()}]}, "rows", "cannot pickle"),
        ({"text": "\ud800"}, "text", "surrogate"),
    ],
)
def test_what_cannot_cross_is_named_by_its_variable_and_reason(variables, name, words):
    with pytest.raises(ValueEncodeError) as caught:
        encode_variables(variables)

    assert name in caught.value.path
    assert words in str(caught.value)

"""Values as JSON: what it has a form for, and by which path the rest is refused."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from dspex_actors.workers.engines._engine import GuestFailedError
from dspex_actors.workers.engines._json import as_json


@pytest.mark.parametrize(
    ("value", "plain"),
    [((1, (2,)), [1, [2]]), ({3}, [3]), (b"ab", [97, 98]), (range(2), [0, 1]), ({"x": None}, {"x": None})],
)
def test_values_that_json_knows_not_become_lists_where_they_can(value, plain):
    assert json.loads(as_json(value)) == plain


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1j, "f() (complex) cannot cross: "),
        ({"x": {"y": [1, Decimal(1)]}}, "f()['x']['y'][1] (Decimal) cannot cross: "),
        ([(0, {"k": object})], "f()[0][1]['k'] (type) cannot cross: "),
        ({"x": {1j}}, "f() (complex) cannot cross: "),  # in a set nothing has a place
        ({(1, 2): 3}, "f() (dict) cannot cross: it has no form in JSON: keys must be"),
    ],
)
def test_what_json_has_nothing_for_is_refused_with_its_path_and_type(value, said):
    with pytest.raises(GuestFailedError) as caught:
        as_json(value, "f()")

    assert caught.value.kind == "ValueEncodeError"
    assert caught.value.message.startswith(said)

"""Limits are numbers that a worker can be given, or None."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest

from dspex_actors import ConfigError, Limits
from dspex_actors._limits import LONGEST_S, MAXIMA, MOST_BYTES

SECONDS = ("time_s", "cpu_s")
WHOLE = (
    "memory_bytes",
    "output_bytes",
    "result_bytes",
    "file_bytes",
    "open_files",
    "tool_calls",
    "processes",
    "returned_files",
    "returned_bytes",
    "connections",
    "network_bytes",
    "fuel",
)
LEAST = {"memory_bytes": 2**20, "result_bytes": 256, "open_files": 8, "processes": 1}


def test_every_limit_is_one_of_seconds_or_whole_numbers():
    assert {field.name for field in fields(Limits)} == {*SECONDS, *WHOLE}


@pytest.mark.parametrize("name", [*SECONDS, *WHOLE])
def test_none_means_no_limit_for_every_limit(name):
    assert getattr(Limits(**{name: None}), name) is None


@pytest.mark.parametrize("name", SECONDS)
@pytest.mark.parametrize("value", [1e-9, 0.5, 1, 86_400.0])
def test_seconds_above_zero_are_taken(name, value):
    assert getattr(Limits(**{name: value}), name) == value


@pytest.mark.parametrize("name", SECONDS)
@pytest.mark.parametrize(
    "value", [0, 0.0, -0.0, -1, -1e-9, math.nan, math.inf, -math.inf, True, False, "1", b"1", [1], 1j, object]
)
def test_seconds_that_are_no_positive_number_are_refused_by_name(name, value):
    with pytest.raises(ConfigError) as caught:
        Limits(**{name: value})

    assert caught.value.field == f"Limits.{name}"
    assert "a number > 0" in str(caught.value)


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("above", [0, 1, 2**31, 2**40])
def test_whole_numbers_from_the_least_on_are_taken(name, above):
    value = min(LEAST.get(name, 0) + above, MAXIMA.get(name, MOST_BYTES))

    assert getattr(Limits(**{name: value}), name) == value


@pytest.mark.parametrize("name", WHOLE)
def test_whole_numbers_below_the_least_are_refused(name):
    least = LEAST.get(name, 0)

    with pytest.raises(ConfigError, match=f"a whole number >= {least}"):
        Limits(**{name: least - 1})


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("value", [1e9, 2.0**30, math.inf, math.nan, True, "1073741824", [], -(2**70)])
def test_sizes_that_are_no_whole_number_are_refused(name, value):
    with pytest.raises(ConfigError) as caught:
        Limits(**{name: value})

    assert caught.value.field == f"Limits.{name}"


@pytest.mark.parametrize("name", [*SECONDS, *WHOLE])
@pytest.mark.parametrize("value", [2**64, 2**70, 10**400])
def test_numbers_that_no_kernel_could_hold_are_refused(name, value):
    with pytest.raises(ConfigError) as caught:
        Limits(**{name: value})

    assert caught.value.field == f"Limits.{name}"


@pytest.mark.parametrize("name", SECONDS)
def test_seconds_beyond_what_clocks_count_are_refused(name):
    with pytest.raises(ConfigError):
        Limits(**{name: 1e300})


@pytest.mark.parametrize(
    ("name", "most"),
    [(name, LONGEST_S) for name in SECONDS] + [(name, MAXIMA.get(name, MOST_BYTES)) for name in WHOLE],
)
def test_the_largest_limit_is_taken_and_one_more_is_not(name, most):
    assert getattr(Limits(**{name: most}), name) == most
    with pytest.raises(ConfigError, match=f"<= {most}"):
        Limits(**{name: most + 1})


def test_limits_cannot_be_changed_after_the_check():
    with pytest.raises(AttributeError):
        Limits().time_s = -1


def test_limits_are_given_by_keyword_only():
    with pytest.raises(TypeError):
        Limits(5.0)


def test_an_unknown_limit_is_refused_by_python_itself():
    with pytest.raises(TypeError, match="memory_mb"):
        Limits(memory_mb=5)

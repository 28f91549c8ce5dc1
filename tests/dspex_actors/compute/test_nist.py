"""NIST's reference sets of univariate statistics (StRD), to the digits that doubles allow.

Certified values are NIST's, to 15 digits. NumAcc1 to 4 are generated. The data of the other five stand in the
folder `nist`; they are those of the GNU Scientific Library's own tests (Debian's source package gsl 2.7.1).
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from dspex_actors.compute import statistical_analysis

FOLDER = Path(__file__).parent / "nist"


def alternating(middle, apart, pairs):
    """Return NumAcc2 to 4: the middle, then values alternately below and above it."""
    return [middle] + [middle - apart, middle + apart] * pairs


GENERATED = {
    "NumAcc1": [10000001.0, 10000003.0, 10000002.0],
    "NumAcc2": alternating(1.2, 0.1, 500),
    "NumAcc3": [1000000.2] + [1000000.1, 1000000.3] * 500,
    "NumAcc4": [10000000.2] + [10000000.1, 10000000.3] * 500,
}


def data_of(name):
    if name in GENERATED:
        return np.array(GENERATED[name])
    return np.array((FOLDER / f"{name}.txt").read_text(encoding="ascii").split(), dtype=np.float64)


def digits(found, certified):
    """Return the log relative error: how many digits of `found` are right, 15 at most."""
    return 15.0 if found == certified else min(15.0, -math.log10(abs(found - certified) / abs(certified)))


@pytest.mark.parametrize(
    ("name", "count", "mean", "std", "least_mean", "least_std"),
    [
        ("NumAcc1", 3, 10000002.0, 1.0, 15.0, 15.0),
        ("NumAcc2", 1001, 1.2, 0.1, 15.0, 15.0),
        ("NumAcc3", 1001, 1000000.2, 0.1, 15.0, 9.4),  # what doubles hold of the data
        ("NumAcc4", 1001, 10000000.2, 0.1, 15.0, 8.2),  # as above
        ("Lew", 200, -177.435000000000, 277.332168044316, 15.0, 14.9),
        ("Lottery", 218, 518.958715596330, 291.699727470969, 15.0, 14.9),
        ("Mavro", 50, 2.00185600000000, 0.000429123454003053, 15.0, 12.5),
        ("Michelso", 100, 299.852400000000, 0.0790105478190518, 15.0, 13.5),
        ("PiDigits", 5000, 4.53480000000000, 2.86733906028871, 14.9, 14.9),
    ],
)
def test_mean_and_deviation_of_a_reference_set_have_the_certified_digits(
    name, count, mean, std, least_mean, least_std
):
    found = statistical_analysis(data_of(name), ddof=1)

    assert found.count == count
    assert digits(found.mean, mean) >= least_mean
    assert digits(found.std, std) >= least_std
    assert digits(found.variance, std**2) >= least_std - 0.4


def test_the_textbook_formula_would_fail_these_sets_so_they_can_tell():
    x = data_of("NumAcc4")

    assert (x * x).sum() / 1000 - 1001 / 1000 * x.mean() ** 2 < 0


@pytest.mark.parametrize("name", ["NumAcc1", "NumAcc4"])
def test_data_in_single_precision_is_computed_with_in_double_precision(name):
    x = data_of(name).astype(np.float32)

    assert statistical_analysis(x).std == statistical_analysis(x.astype(np.float64)).std

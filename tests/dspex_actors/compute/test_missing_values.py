"""NaN stands for a missing value: it is refused, left out, or spreads, as the policy says."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from dspex_actors.compute import ComputeInputError, correlate, statistical_analysis

NAN = math.nan


@pytest.fixture(autouse=True)
def warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_a_nan_is_refused_with_its_place_unless_something_else_was_asked_for():
    with pytest.raises(ComputeInputError, match=r"1 values that are NaN \(the first at index \(1, 0\)\)"):
        statistical_analysis([[1.0, 2.0], [NAN, 3.0]])


def test_omitted_values_are_counted_and_the_rest_is_as_if_they_had_never_been():
    found = statistical_analysis([1.0, NAN, 2.0, 4.0, NAN], nan_policy="omit")
    alone = statistical_analysis([1.0, 2.0, 4.0])

    assert (found.count, found.missing) == (3, 2)
    assert (found.mean, found.std, found.distribution) == (alone.mean, alone.std, alone.distribution)


def test_a_nan_that_propagates_reaches_all_figures_and_no_test():
    found = statistical_analysis([1.0, NAN, 2.0], nan_policy="propagate", include=("bootstrap", "families"))

    assert found.count == 3
    for value in (found.mean, found.std, found.min, found.max, found.median, found.distribution.skewness):
        assert math.isnan(value)
    assert (found.distribution.normality, found.intervals.mean, found.bootstrap) == (None, None, None)


def test_nothing_but_nan_leaves_nothing_to_analyse():
    with pytest.raises(ComputeInputError, match=r"nothing but NaN of shape \(2,\)"):
        statistical_analysis([NAN, NAN], nan_policy="omit")


def test_what_a_masked_array_masks_is_a_missing_value():
    masked = np.ma.masked_array([1, 2, 99], mask=[False, False, True])

    assert statistical_analysis(masked, nan_policy="omit").mean == 1.5
    with pytest.raises(ComputeInputError, match="NaN"):
        statistical_analysis(masked)


@pytest.mark.parametrize("nan_policy", ["raise", "omit", "propagate"])
@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_an_infinity_is_no_missing_value_and_always_refused(nan_policy, value):
    with pytest.raises(ComputeInputError, match=r"infinite \(the first at index 1\)"):
        statistical_analysis([1.0, value, NAN], nan_policy=nan_policy)


TABLE = np.array([[1.0, 2.0, 9.0], [2.0, NAN, 7.0], [3.0, 5.0, 8.0], [5.0, 4.0, NAN], [4.0, 6.0, 1.0]])


def test_a_row_with_a_nan_is_left_out_of_the_whole_correlation_by_default():
    found = statistical_analysis(TABLE, nan_policy="omit").correlation
    rows = TABLE[[0, 2, 4]]

    assert (found.counts == 3).all()
    assert np.allclose(found.correlation_matrix, np.corrcoef(rows, rowvar=False))


def test_a_row_is_left_out_of_the_pairs_that_it_misses_if_asked_for():
    found = statistical_analysis(TABLE, nan_policy="omit", missing_pairs="pairwise").correlation

    assert found.counts.tolist() == [[5, 4, 4], [4, 4, 3], [4, 3, 4]]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        rows = ~np.isnan(TABLE[:, i]) & ~np.isnan(TABLE[:, j])
        assert found.correlation_matrix[i, j] == pytest.approx(
            np.corrcoef(TABLE[rows, i], TABLE[rows, j])[0, 1]
        )


def test_a_nan_that_propagates_takes_its_column_out_of_the_correlation():
    found = statistical_analysis(TABLE[:, :2], nan_policy="propagate").correlation

    assert found.correlation_matrix[0, 0] == 1.0
    assert np.isnan(found.correlation_matrix[1]).all()
    assert found.eigenvalues is None


def test_a_column_that_is_nothing_but_nan_is_refused():
    with pytest.raises(ComputeInputError, match="a column of data"):
        statistical_analysis([[1.0, NAN], [2.0, NAN]], nan_policy="omit")


def test_a_constant_column_has_no_correlation_and_is_named():
    found = correlate(np.array([[1.0, 5.0, 2.0], [2.0, 5.0, 1.0], [4.0, 5.0, 0.0]]))

    assert found.constant_columns == (1,)
    assert np.isnan(found.correlation_matrix[1]).all()
    assert found.correlation_matrix[0, 0] == 1.0
    assert np.isnan(found.p_values[0, 1])
    assert found.eigenvalues is None

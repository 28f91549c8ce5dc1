"""A sample looked at, and two groups compared: with intervals, a bootstrap, effects and a correction."""

from __future__ import annotations

import numpy as np

from dspex_actors.compute import (
    holm_correction,
    mann_whitney_test,
    statistical_analysis,
    student_t_test,
    welch_t_test,
)

# expect: of 3 tests 3 reject after Holm's correction

generator = np.random.default_rng(7)
before, after = generator.gamma(2.0, 10.0, 80), generator.gamma(2.0, 18.0, 60)

found = statistical_analysis(before, ddof=1, include=("bootstrap", "families"))
print(f"{found.count} latencies: {found.mean:.1f} ± {found.std:.1f} ms, median {found.median:.1f}")
shape = found.distribution
print(f"skewness {shape.skewness:.2f}, class {shape.distribution_type.value}, best fit", end=" ")
print(f"{shape.families[0].family.value}; normal is {'' if shape.normality.rejected else 'not '}rejected")
for name, interval in (("Student", found.intervals.mean), ("BCa", found.bootstrap.interval)):
    print(f"  mean by {name}: {interval.low:.1f} to {interval.high:.1f} ms ({interval.confidence:.0%})")

tests = [test(before, after) for test in (student_t_test, welch_t_test, mann_whitney_test)]
for test in tests:
    print(f"{test.name}: p = {test.p_value:.2g}, {test.effect} {test.effect_size:.2f}")

holm = holm_correction(tests)
print(f"of {len(tests)} tests {sum(holm.rejected)} reject after Holm's correction")

"""What is to be known of a matrix, and how far to trust it: a Hilbert matrix is harmless until it is not."""

from __future__ import annotations

import numpy as np

from dspex_actors.compute import matrix_analysis

# expect: 10 I(400): determinant inf, sign 1, logarithm 921.034

for n in (3, 8, 13):
    hilbert = [[1 / (i + j + 1) for j in range(n)] for i in range(n)]
    found = matrix_analysis(hilbert)
    print(f"Hilbert {n:2}: condition {found.condition_number:9.3g}, determinant {found.determinant:9.3g}")
    print(f"    rank {found.rank} above {found.rank_tolerance:.2g}; {found.reason or 'reliable'}")

batch = matrix_analysis(np.stack([np.eye(2), np.ones((2, 2)), [[0, -1], [1, 0]]]))
print(f"a batch of three: ranks {batch.rank}, symmetric {batch.symmetric}")

large = matrix_analysis(10 * np.eye(400))
print(
    f"10 I(400): determinant {large.determinant}, sign {large.determinant_sign:g}, "
    f"logarithm {large.log_magnitude:.3f}"
)

"""Without the extras: what needs numpy alone works, the rest says what to install."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
EXTRAS = ("scipy", "autograd", "matplotlib")

SCRIPT = """
import sys
sys.path += {paths}
from dspex_actors import ComputeExecutor, compute

def refused(call):
    try:
        call()
    except compute.MissingPackageError as error:
        print(error)
    else:
        raise SystemExit("it was not refused")

"""

BODY = """
print(compute.matrix_analysis([[2, 1], [1, 2]]).rank)
found = compute.optimize_function(lambda p: (p - 1) ** 2, 0.0)
print(found.converged, found.gradient_source.value)
refused(lambda: compute.statistical_analysis([1.0, 2.0]))
refused(lambda: compute.bootstrap_interval([1.0, 2.0]))
refused(lambda: compute.welch_t_test([1.0, 2.0], [2.0, 4.0]))
refused(lambda: compute.mann_whitney_test([1.0, 2.0], [2.5, 4.0]))
refused(lambda: compute.optimize_function(lambda p: p * p, 1.0, method="bfgs"))
refused(ComputeExecutor.child_spec)
refused(lambda: compute.optimize_function(lambda p: p * p, 1.0, gradient="autograd"))
refused(lambda: compute.plot_distribution([1.0, 2.0]))
"""


@pytest.fixture
def without_extras(tmp_path):
    """Make a folder of packages in which those of the extras are missing; return how to run code with it."""
    for name in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for package in Path(name).iterdir():
            if not package.name.startswith(EXTRAS) and package.suffix != ".pth":
                (tmp_path / package.name).symlink_to(package)

    def run(body):
        script = SCRIPT.format(paths=[str(ROOT), str(tmp_path)]) + body
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", script],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return run


def test_without_any_extra_numpy_alone_analyses_matrices_and_minimises(without_extras):
    rank, search, *refusals = without_extras(BODY)

    assert (rank, search) == ("2", "True central_differences")
    needed = [("scipy", "compute")] * 6 + [("autograd", "compute"), ("matplotlib", "plots")]
    for line, (package, extra) in zip(refusals, needed, strict=True):
        assert f"needs {package}, which is not installed: pip install 'dspex-actors[{extra}]'" in line

"""Rehearsing limits leaves them as they are."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from dspex_actors.workers.confine import _limits

KINDS = [value for name, value in sorted(vars(resource).items()) if name.startswith("RLIMIT_")]

PROGRAM = """
import resource
from dspex_actors.workers.confine import _limits
resource.setrlimit(resource.RLIMIT_FSIZE, {limit})
_limits.rehearse()
print(resource.getrlimit(resource.RLIMIT_FSIZE))
"""


def test_a_rehearsal_changes_no_limit_of_the_process():
    before = [resource.getrlimit(kind) for kind in KINDS]

    _limits.rehearse()

    assert [resource.getrlimit(kind) for kind in KINDS] == before


@pytest.mark.parametrize("limit", [(2**20, 2**21), (2**20, -1), (2**20, 2**20)])
def test_a_rehearsal_keeps_a_limit_that_was_set_before(limit):
    program = PROGRAM.format(limit=limit)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.stdout.strip() == str(limit), done.stderr

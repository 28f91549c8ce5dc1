"""One runtime for all languages of a module: the executor of each is started when its first test needs it."""

from __future__ import annotations

import pytest

from dspex_actors import Limits
from tests._engines import need_engine
from tests.integration._tools import runtime_of
from tests.integration.languages._snippets import ROWS


@pytest.fixture(scope="module")
def runtime(clean_module):  # noqa: ARG001 -- set up before
    with runtime_of(limits=Limits(time_s=30.0), spares=1, start_timeout_s=60.0) as runtime:
        yield runtime
    assert runtime.stop().clean


SLOW = {"typescript"}  # it differs from another row in its first step alone


def _param(row):
    marks = [pytest.mark.slow] if row.language in SLOW else []
    return pytest.param(row, id=row.language, marks=marks)


@pytest.fixture(scope="module", params=map(_param, ROWS))
def row(request):
    """Give the programs of one language; its engine is needed."""
    need_engine(request.param.language)
    return request.param


@pytest.fixture
def run(runtime, row):
    """Run a program of the row in its language."""

    def run(code, **options):
        return runtime.execute(code, language=row.language, **options)

    return run


@pytest.fixture(autouse=True)
def leaves_no_scratch_folder():
    """Take the place of a check that would find the folders of executors that a test was the first to need.

    `clean_module` looks when the runtime is closed.
    """

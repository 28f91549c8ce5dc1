"""A package that a test writes, and modules to register it in."""

from __future__ import annotations

import pytest

from dspex_actors.modules import Modules
from tests.dspex_actors.modules._written import written


@pytest.fixture
def package(tmp_path):
    with written(tmp_path) as package:
        yield package


@pytest.fixture
def modules():
    with Modules.open() as modules:
        yield modules

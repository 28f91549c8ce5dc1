"""What the tests of the state store's servers add to `dspex_actors.testing._database_server`."""

from __future__ import annotations

import os

import pytest

from dspex_actors.testing._database_server import CEILING_S, SHORT_FOLDER

__all__ = ["CEILING_S", "SHORT_FOLDER", "ForTests"]


class ForTests:
    """A server without which all must be tested, or a test is skipped where somebody only works."""

    def unavailable(self, what):
        if os.environ.get("CI"):
            pytest.fail(what, pytrace=False)
        pytest.skip(what)

"""Whether the engine of a language is on this machine; if not, tests skip, or fail where it has to be."""

from __future__ import annotations

import os

import pytest

from dspex_actors import EngineError
from dspex_actors.executors.languages import Languages, find_engine, rust

REQUIRED = "DSPEX_ENGINES_REQUIRED"
"""Environment variable; set where every engine has to be there, as in `.ci/run`. `CI` does the same."""


RUST_NATIVE = rust(native=True, name="rust_native")
"""A row that a runtime has only if it is asked for."""

LANGUAGES = Languages((RUST_NATIVE,))


def need_engine(language):
    """Skip the test where the engine of a language is missing, and say what installs it."""
    try:
        find_engine(LANGUAGES[language])
    except EngineError as error:
        if os.environ.get(REQUIRED) or os.environ.get("CI"):
            raise
        pytest.skip(str(error))

"""The packages of the extras, loaded on first use: each takes a tenth of a second to a whole one."""

from __future__ import annotations

import importlib
from typing import Any

from dspex_actors.compute._errors import MissingPackageError


def load(module: str, *, extra: str, needed_for: str) -> Any:  # noqa: ANN401 -- a module without types
    """Return a module of a package that may be missing.

    Raises:
        MissingPackageError: its package is not installed.
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise MissingPackageError(package, extra, needed_for) from None


def special(needed_for: str) -> Any:  # noqa: ANN401 -- as above
    """Return `scipy.special`, which loads in a tenth of the time of `scipy.stats`."""
    return load("scipy.special", extra="compute", needed_for=needed_for)


def stats(needed_for: str) -> Any:  # noqa: ANN401 -- as above
    """Return `scipy.stats`."""
    return load("scipy.stats", extra="compute", needed_for=needed_for)

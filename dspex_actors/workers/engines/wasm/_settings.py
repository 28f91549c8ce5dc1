"""How wasmtime is configured: what is compiled depends on it, so it is part of a program's key.

`parallel_compilation` would start threads in a worker. `memory_init_cow` would keep modules in files in
memory, which count against the guest's limit of files. Threads and shared memory stay out: guests' code runs
in one thread. Epochs are how a program is interrupted.
"""

from __future__ import annotations

FORMAT = 2
"""Raised when what is built from the same module changes for another reason than these settings."""

SETTINGS: tuple[tuple[str, bool | int], ...] = (
    ("epoch_interruption", True),
    ("wasm_component_model", True),
    ("memory_init_cow", False),
    ("parallel_compilation", False),
    ("wasm_threads", False),
    ("wasm_memory64", True),
    ("wasm_multi_memory", True),
    ("max_wasm_stack", 512 * 1024),
)

FOREVER = 2**40
"""An epoch that never comes."""


def fingerprint() -> str:
    """Return a text that is equal for equal settings."""
    return f"{FORMAT} {SETTINGS}"

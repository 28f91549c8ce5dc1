"""Rust: rustc compiles a program to WebAssembly, in the sandbox; the engine of `wasm` runs it.

This file imports nothing, so that a host can import what is beside the engine.
"""

from __future__ import annotations

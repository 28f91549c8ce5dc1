"""Rust: a compiler of the system, and wasmtime; or, for those who ask for it, native code."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from functools import partial

from dspex_actors._language import FoundEngine, Language, SessionKind
from dspex_actors._limits import GIB, MIB, Limits
from dspex_actors.executors.languages._find import version_of
from dspex_actors.executors.languages._rust_compiler import Rustc, first_rustc, library_options
from dspex_actors.executors.languages._rust_native import NATIVE_INSTALL, find_native
from dspex_actors.executors.languages._rust_types import declare
from dspex_actors.executors.languages._wasm import find_wasmtime
from dspex_actors.workers import system_libraries

INSTALL = (
    "apt-get install rustc libstd-rust-dev-wasm32 lld  (or, with rustup: rustup target add wasm32-wasip1)"
)
_TARGETS = ("wasm32-wasip1", "wasm32-wasi")
"""What it is compiled for, under its newer and its older name."""

_LINKERS = ("rust-lld", "wasm-ld")
_PROGRAM_FOLDERS = "/usr/bin:/usr/local/bin"


def find(name: str, given: str | None) -> FoundEngine:
    """Look for a rustc that has a target for WebAssembly: the given path, those in PATH, then the system's.

    Args:
        name: of the language.
        given: path of the program, None to look for it.

    Raises:
        EngineNotFoundError: there is none, or none that has the target, or no wasmtime.
        EngineStartError: it does not tell its version.
        EngineVersionError: it has none.
    """
    rustc = first_rustc(name, INSTALL, given, _refusal)
    linker = _linker_of(rustc)
    wasmtime = find_wasmtime(name, None)
    version = version_of(name, INSTALL, [str(rustc.path), "--version"])
    paths = (str(rustc.path), rustc.libraries, *((linker,) if linker else ()))
    options = {
        **wasmtime.options,
        **library_options(),
        "sysroot": str(rustc.root),
        "target": _target_of(rustc) or "",
        "linker": linker or "",
        "compile_paths": "\n".join((*paths, *system_libraries())),
        "wasmtime": wasmtime.version,
    }
    return FoundEngine(
        path=str(rustc.path),
        version=version,
        origin=rustc.origin,
        read_paths=paths,
        options=options,
        links={"/proc/self/exe": str(rustc.path)},
    )


def _refusal(rustc: Rustc) -> str:
    """Say why a compiler will not do: it has no target for WebAssembly, or no linker."""
    if _target_of(rustc) is None:
        return f"{rustc.path} has no target {' or '.join(_TARGETS)}"
    return "" if _linker_of(rustc) is not None else f"there is no linker {' or '.join(_LINKERS)}"


def _target_of(rustc: Rustc) -> str | None:
    """Return the target for WebAssembly that a compiler has; None without one."""
    return next((each for each in _TARGETS if rustc.has_target(each)), None)


def _linker_of(rustc: Rustc) -> str | None:
    """Return the path of the linker; empty if the compiler brings its own, None if there is none."""
    if list((rustc.root / "lib" / "rustlib").glob("*/bin/rust-lld")):
        return ""
    found = (shutil.which(each, path=f"{_PROGRAM_FOLDERS}:{os.defpath}") for each in _LINKERS)
    first = next((each for each in found if each is not None), None)
    return None if first is None else os.path.realpath(first)


RUST = Language(
    name="rust",
    maker="dspex_actors.workers.engines.rust._engine:make",
    find=partial(find, "rust"),
    install=INSTALL,
    minimum="1.63",
    sessions=SessionKind.NONE,
    counts_fuel=True,
    modules=("wasmtime",),
    takes=frozenset({"args", "stdin"}),
    build_limits=Limits(
        time_s=60.0,
        memory_bytes=2 * GIB,
        result_bytes=256 * MIB,
        file_bytes=256 * MIB,
        processes=256,
        open_files=256,
    ),
    declare=declare,
    has_library=True,
)
"""The row."""


def rust(*, native: bool = False, name: str = "rust") -> Language:
    """Return the row of Rust for `RuntimeConfig.languages`: its programs are WebAssembly, or native code.

    A native program is a process in the worker's sandbox, which is all that holds it: the profile is `shell`,
    or `trusted`. It has threads, all of the processor and the standard library, and `Limits.fuel` is
    refused. What a program is given and gives, and how it is compiled, is the same; it needs no target for
    WebAssembly and no wasmtime, but a C compiler as linker.

    Args:
        native: whether programs are compiled for this machine itself.
        name: what requests call it, so that a runtime can have both.

    Raises:
        ConfigError: the name is no word.
    """
    if not native:
        return replace(RUST, name=name, find=partial(find, name))
    return replace(
        RUST,
        name=name,
        maker="dspex_actors.workers.engines.rust._native:make",
        find=partial(find_native, name),
        install=NATIVE_INSTALL,
        counts_fuel=False,
        modules=(),
        connects=True,
    )

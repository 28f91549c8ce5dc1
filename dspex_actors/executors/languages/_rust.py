"""Rust: a compiler of the system, and wasmtime."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

from dspex_actors._errors import EngineError, EngineNotFoundError
from dspex_actors._language import FoundEngine, Language, SessionKind
from dspex_actors._limits import GIB, MIB, Limits
from dspex_actors.executors.languages._find import said_by, version_of
from dspex_actors.executors.languages._rust_types import declare
from dspex_actors.executors.languages._wasm import find_wasmtime
from dspex_actors.workers import engine_files

INSTALL = (
    "apt-get install rustc libstd-rust-dev-wasm32 lld  (or, with rustup: rustup target add wasm32-wasip1)"
)
_TARGETS = ("wasm32-wasip1", "wasm32-wasi")
"""What it is compiled for, under its newer and its older name."""

_SYSTEM = "/usr/bin/rustc"
_LINKERS = ("rust-lld", "wasm-ld")
_PROGRAM_FOLDERS = "/usr/bin:/usr/local/bin"


class Compiler(NamedTuple):
    """A compiler that can do it.

    Attributes:
        path: the program, links followed.
        root: the folder that it has its libraries in.
        target: what it compiles for.
        linker: path of the linker; empty if it brings its own.
        origin: how it was found.
    """

    path: Path
    root: Path
    target: str
    linker: str
    origin: str


def find(given: str | None) -> FoundEngine:
    """Look for a rustc that has a target for WebAssembly: the given path, those in PATH, then the system's.

    Args:
        given: path of the program, None to look for it.

    Raises:
        EngineNotFoundError: there is none, or none that has the target, or no wasmtime.
        EngineStartError: it does not tell its version.
        EngineVersionError: it has none.
    """
    compiler = _find_compiler(given)
    wasmtime = find_wasmtime("rust", INSTALL, None)
    version = version_of("rust", INSTALL, [str(compiler.path), "--version"])
    libraries = str(compiler.root / "lib") if compiler.root != Path("/usr") else "/usr/lib/rustlib"
    (library,) = engine_files("rust", ".rs")
    options = {
        **wasmtime.options,
        "sysroot": str(compiler.root),
        "target": compiler.target,
        "linker": compiler.linker,
        "library": library,
        "wasmtime": wasmtime.version,
    }
    paths = (str(compiler.path), libraries, *((compiler.linker,) if compiler.linker else ()))
    return FoundEngine(
        path=str(compiler.path),
        version=version,
        origin=compiler.origin,
        read_paths=paths,
        options=options,
        links={"/proc/self/exe": str(compiler.path)},
    )


def _find_compiler(given: str | None) -> Compiler:
    """Return the first compiler that will do.

    Raises:
        EngineNotFoundError: there is none.
        EngineStartError: the given one does not answer.
    """
    if given is not None:
        path = Path(given).expanduser()
        if not path.is_file() or not os.access(path, os.X_OK):
            raise EngineNotFoundError("rust", f"{given} is no program", INSTALL)
        return _looked_at(path, "given")
    reasons = []
    for path in _candidates():
        try:
            return _looked_at(path, "PATH")
        except EngineError as error:
            reasons.append(error.reason)
    raise EngineNotFoundError("rust", "; ".join(reasons) or "rustc is not in PATH", INSTALL)


def _candidates() -> list[Path]:
    """Return all programs that are called rustc, in the order of PATH; the system's last."""
    folders = [*os.get_exec_path(), str(Path(_SYSTEM).parent)]
    found = (shutil.which("rustc", path=folder) for folder in dict.fromkeys(folders))
    return [Path(each) for each in found if each is not None]


def _looked_at(path: Path, origin: str) -> Compiler:
    """Return a compiler with what it needs.

    Raises:
        EngineNotFoundError: it has no target for WebAssembly, or no linker.
        EngineStartError: it does not answer.
    """
    root = Path(said_by("rust", INSTALL, [str(path), "--print", "sysroot"]).strip())
    target = next((each for each in _TARGETS if (root / "lib" / "rustlib" / each / "lib").is_dir()), None)
    if target is None:
        raise EngineNotFoundError("rust", f"{path} has no target {' or '.join(_TARGETS)}", INSTALL)
    own = list((root / "lib" / "rustlib").glob("*/bin/rust-lld"))
    linker = ""
    if not own:
        found = (shutil.which(each, path=f"{_PROGRAM_FOLDERS}:{os.defpath}") for each in _LINKERS)
        first = next((each for each in found if each is not None), None)
        if first is None:
            raise EngineNotFoundError("rust", f"there is no linker {' or '.join(_LINKERS)}", INSTALL)
        linker = str(Path(first).resolve())
    real = root / "bin" / "rustc"  # what is in PATH may only choose among several
    return Compiler((real if real.is_file() else path).resolve(), root, target, linker, origin)


RUST = Language(
    name="rust",
    maker="dspex_actors.workers.engines.rust._engine:make",
    find=find,
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

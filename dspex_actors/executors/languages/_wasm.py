"""WebAssembly, on wasmtime in the worker itself."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from dspex_actors._errors import EngineNotFoundError
from dspex_actors._language import FoundEngine, Language, SessionKind
from dspex_actors._limits import GIB, MIB, Limits
from dspex_actors._policy import Policy, Profile
from dspex_actors.executors.languages._find import find_package
from dspex_actors.workers.engines.wasm._settings import fingerprint

INSTALL = "pip install wasmtime"


def find(given: str | None) -> FoundEngine:
    """Look for the package `wasmtime`; there is no other engine, so what the user gives must be its folder.

    Args:
        given: folder of the package, None to look for it.

    Raises:
        EngineNotFoundError: it is not installed, or another folder was given.
    """
    return find_wasmtime("wasm", given)


def find_wasmtime(language: str, given: str | None) -> FoundEngine:
    """As `find`, for any language that is compiled to WebAssembly.

    Raises:
        EngineNotFoundError: see `find`.
    """
    folder = find_package("wasmtime")
    if folder is None:
        raise EngineNotFoundError(language, "the package wasmtime is not installed", INSTALL)
    if given is not None and given != str(folder):
        reason = f"{given} is not the installed package wasmtime, which is {folder}"
        raise EngineNotFoundError(language, reason, INSTALL)
    try:
        found = version("wasmtime")
    except PackageNotFoundError:
        raise EngineNotFoundError(language, f"{folder} does not tell its version", INSTALL) from None
    return FoundEngine(path=str(folder), version=found, origin="package", options={"settings": fingerprint()})


BUILD_LIMITS = Limits(time_s=60.0, memory_bytes=2 * GIB, result_bytes=256 * MIB)

WASM = Language(
    name="wasm",
    maker="dspex_actors.workers.engines.wasm._engine:make",
    find=find,
    install=INSTALL,
    minimum="50.0",
    profiles=(Profile.PROCESS, Profile.TRUSTED),
    policy=Policy(profile=Profile.PROCESS, packages=()),
    sessions=SessionKind.KEPT,
    counts_fuel=True,
    modules=("wasmtime",),
    takes=frozenset({"module", "export", "args", "stdin"}),
    build_limits=BUILD_LIMITS,
    grace_s=1.0,
)
"""The row."""

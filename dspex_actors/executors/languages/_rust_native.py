"""Rust as native code: a compiler and a linker of the system."""

from __future__ import annotations

from dspex_actors._language import FoundEngine
from dspex_actors.executors.languages._rust_compiler import (
    Rustc,
    find_linker,
    first_rustc,
    host_of,
    library_options,
)
from dspex_actors.workers import system_libraries

NATIVE_INSTALL = (
    "apt-get install rustc gcc libc6-dev  (or, for a rustc of rustup's: apt-get install gcc libc6-dev)"
)


def find_native(name: str, given: str | None) -> FoundEngine:
    """Look for a rustc that compiles for this machine, and for what links its programs.

    Args:
        name: of the language.
        given: path of rustc, None to look for it: those in PATH, then the system's.

    Raises:
        EngineNotFoundError: there is none, or none that has its own target, or no linker.
        EngineStartError: a part of it does not answer.
        EngineVersionError: it does not tell its version.
    """

    def refusal(rustc: Rustc) -> str:
        _, host = host_of(name, NATIVE_INSTALL, rustc.path)
        return "" if rustc.has_target(host) else f"{rustc.path} has no standard library for {host}"

    rustc = first_rustc(name, NATIVE_INSTALL, given, refusal)
    version, target = host_of(name, NATIVE_INSTALL, rustc.path)
    linker = find_linker(name, NATIVE_INSTALL, version, target)
    own = (str(rustc.path), rustc.libraries, *linker.read_paths)
    libraries = system_libraries()
    options = {
        **library_options(),
        "sysroot": str(rustc.root),
        "target": target,
        "linker": str(linker.path),
        "linker_version": linker.version,
        "flags": "\n".join(linker.flags),
        "compile_paths": "\n".join((*own, *libraries)),
        "guest_paths": "\n".join(libraries),
    }
    return FoundEngine(
        path=str(rustc.path),
        version=version,
        origin=rustc.origin,
        read_paths=own,
        options=options,
        links={"/proc/self/exe": str(rustc.path)},
    )

"""Looking for a rustc, and for the linker that native programs need."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dspex_actors._errors import EngineError, EngineNotFoundError, EngineVersionError
from dspex_actors.executors.languages._find import said_by, version_of
from dspex_actors.workers import engine_files
from dspex_actors.workers.engines.rust._settings import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable

SYSTEM = "/usr/bin/rustc"
_PROGRAM_FOLDERS = ("/usr/bin", "/usr/local/bin")
_DRIVERS = ("cc", "gcc", "clang")
_LINKERS = ("ld.lld", "ld.bfd")  # the first one takes half the time
_ROOT_FILE = "dspex.rs"

# From this version on rustc brings a linker for this target that it starts by itself, and that looks for
# itself in /proc, which is not in the sandbox.
_OWN_LINKER = ((1, 90), "x86_64-unknown-linux-gnu", "-Clinker-features=-lld")
_HOST = re.compile(r"^host: (\S+)$", re.MULTILINE)


class Rustc(NamedTuple):
    """A compiler.

    Attributes:
        path: the program, links followed.
        root: the folder that it has its libraries in.
        origin: how it was found.
    """

    path: Path
    root: Path
    origin: str

    @property
    def libraries(self) -> str:
        """The folder of its own libraries and of those for its targets."""
        return str(self.root / "lib") if self.root != Path("/usr") else "/usr/lib/rustlib"

    def has_target(self, target: str) -> bool:
        """Whether it has the standard library for a target."""
        return (self.root / "lib" / "rustlib" / target / "lib").is_dir()


class Linker(NamedTuple):
    """What makes a native program of what rustc has compiled: a C compiler's driver, and what that uses.

    Attributes:
        path: the driver, links followed.
        version: as it says itself.
        read_paths: files and folders that it needs beside the system's shared libraries.
        flags: of rustc.
    """

    path: Path
    version: str
    read_paths: tuple[str, ...]
    flags: tuple[str, ...]


def first_rustc(name: str, install: str, given: str | None, refusal: Callable[[Rustc], str]) -> Rustc:
    """Return the given compiler, or the first one that will do: those in PATH, then the system's.

    Args:
        name: of the language, for errors.
        install: the command that installs it, for errors.
        given: path of the program, None to look for it.
        refusal: says why a compiler will not do; empty if it will.

    Raises:
        EngineNotFoundError: there is none, or none that will do.
        EngineStartError: the given one does not answer.
    """
    if given is not None:
        path = Path(given).expanduser()
        if not path.is_file() or not os.access(path, os.X_OK):
            raise EngineNotFoundError(name, f"{given} is no program", install)
        return _looked_at(name, install, path, "given", refusal)
    reasons = []
    for path in _all_in_path("rustc", SYSTEM):
        try:
            return _looked_at(name, install, path, "PATH", refusal)
        except EngineError as error:
            reasons.append(error.reason)
    raise EngineNotFoundError(name, "; ".join(reasons) or "rustc is not in PATH", install)


def _looked_at(name: str, install: str, path: Path, origin: str, refusal: Callable[[Rustc], str]) -> Rustc:
    """Return a compiler that will do.

    Raises:
        EngineNotFoundError: it will not.
        EngineStartError: it does not answer.
    """
    root = Path(said_by(name, install, [str(path), "--print", "sysroot"]).strip())
    real = root / "bin" / "rustc"  # what is in PATH may only choose among several
    found = Rustc((real if real.is_file() else path).resolve(), root, origin)
    reason = refusal(found._replace(path=path))
    if reason:
        raise EngineNotFoundError(name, reason, install)
    return found


def _all_in_path(program: str, *more: str) -> list[Path]:
    """Return all programs of a name, in the order of PATH; those in the folders of `more` last."""
    folders = [*os.get_exec_path(), *(str(Path(each).parent) for each in more)]
    found = (shutil.which(program, path=folder) for folder in dict.fromkeys(folders))
    return [Path(each) for each in found if each is not None]


def host_of(name: str, install: str, rustc: Path) -> tuple[str, str]:
    """Return a compiler's version, and the target that it is itself compiled for.

    Raises:
        EngineStartError: it does not answer.
        EngineVersionError: it tells neither.
    """
    said = said_by(name, install, [str(rustc), "-vV"])
    host, version = _HOST.search(said), _version_in(said)
    if host is None or not version:
        raise EngineVersionError(
            name, f"{rustc} did not print a version and a host but {said[:200]!r}", install
        )
    return version, host[1]


def _version_in(said: str) -> str:
    """Return the first version in a text; empty without one."""
    found = re.search(r"\d+(?:\.\d+)+", said)
    return "" if found is None else found[0]


def find_linker(name: str, install: str, version: str, target: str) -> Linker:
    """Look for what links native programs: `cc` and what it stands for, its start files, and a linker.

    Args:
        name: of the language, for errors.
        install: the command that installs it, for errors.
        version: of rustc.
        target: that is compiled for.

    Raises:
        EngineNotFoundError: a part of it is missing.
        EngineStartError: it does not answer.
    """
    path = _first_of(_DRIVERS)
    if path is None:
        raise EngineNotFoundError(
            name, f"there is no linker: none of {', '.join(_DRIVERS)} is in PATH", install
        )

    def asked(what: str) -> Path:
        return Path(said_by(name, install, [str(path), what]).strip())

    start = asked("-print-file-name=crt1.o")
    if not start.is_absolute():
        reason = f"{path} has no file crt1.o, which each program begins with: the C library is missing"
        raise EngineNotFoundError(name, reason, install)
    linker = _first_of(_LINKERS)
    if linker is None:
        raise EngineNotFoundError(name, f"there is no linker {' or '.join(_LINKERS)} in PATH", install)
    helpers = (asked("-print-libgcc-file-name"), asked("-print-prog-name=collect2"))
    folders = [str(each.resolve().parent) for each in (start, *helpers) if each.is_absolute()]
    flags = [f"-Clink-arg=-B{linker.parent}/", f"-Clink-arg=-fuse-ld={linker.suffix[1:]}"]
    since, own_target, flag = _OWN_LINKER
    if target == own_target and tuple(map(int, version.split(".")[:2])) >= since:
        flags.append(flag)
    real = path.resolve()
    return Linker(
        path=real,
        version=version_of(name, install, [str(path), "-dumpfullversion", "-dumpversion"]),
        read_paths=tuple(dict.fromkeys((str(real), str(linker), *folders))),
        flags=tuple(flags),
    )


def _first_of(names: tuple[str, ...]) -> Path | None:
    """Return the first of some programs, looked for in PATH and where the system keeps its own."""
    path = os.pathsep.join(dict.fromkeys((*os.get_exec_path(), *_PROGRAM_FOLDERS)))
    found = (shutil.which(name, path=path) for name in names)
    return next((Path(each) for each in found if each is not None), None)


def library_options() -> dict[str, str]:
    """Return what the worker's side is told of the crate `dspex`: its files, and a digest of them."""
    files = sorted(engine_files("rust", ".rs"), key=lambda path: Path(path).name != _ROOT_FILE)
    return {"library": "\n".join(files), "fingerprint": fingerprint(files)}

"""What is known of the Python modules that are loaded: their files, their bytes, may they run again."""

from __future__ import annotations

import ast
import importlib.util
import marshal
import os
import sys
import time
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.machinery import ExtensionFileLoader, SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dspex_actors.modules._reload_plan import PlannedSource
from dspex_actors.modules._source_text import SourceText, read_source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

_PYC_HEADER: Final = 16  # bytes before the marshalled code


@dataclass(frozen=True, slots=True)
class LoadedSource:
    """The source of one loaded Python module.

    Attributes:
        data: its bytes.
        digest: their sha256.
        exact: whether these bytes are known to be what was loaded; else they are what the file held later.
    """

    data: bytes
    digest: str
    exact: bool = True

    @classmethod
    def of(cls, data: bytes, *, exact: bool = True) -> LoadedSource:
        """Return the record of some bytes."""
        return cls(data, sha256(data).hexdigest(), exact)


class SourceGoneError(Exception):
    """The file of a module cannot be read; the arguments are the module and the reason."""


class NoSourceError(Exception):
    """A file holds no Python source.

    Attributes:
        data: the bytes of all modules of the package.
        error: what the compiler says.
    """

    def __init__(self, data: Mapping[str, bytes], error: SyntaxError) -> None:
        super().__init__(data, error)
        self.data = data
        self.error = error


def loaded_below(root: str) -> dict[str, ModuleType]:
    """Return the loaded modules of a package, itself among them, by name."""
    found = {name: sys.modules.get(name) for name in list(sys.modules) if f"{name}.".startswith(f"{root}.")}
    return {name: module for name, module in found.items() if module is not None}


def path_of(module: ModuleType) -> Path | None:
    """Return the source file of a module; None of one that was not loaded from such a file."""
    spec = module.__spec__
    if spec is None or spec.origin is None or not isinstance(spec.loader, SourceFileLoader):
        return None
    return Path(spec.origin)


def refusal_of(module: ModuleType) -> str:
    """Say why a module cannot or will not run again; empty if it can."""
    wish = vars(module).get("__reload__", True)
    if wish is False or isinstance(wish, str):
        return f"refuses to be reloaded (__reload__ is {wish!r})"
    if isinstance(getattr(module.__spec__, "loader", None), ExtensionFileLoader):
        return "is an extension module, which Python loads only once; restart the process"
    if module.__name__ == "__main__":
        return "is the program itself; move its code into a module"
    if path_of(module) is None:
        return "was not loaded from a source file"
    return ""


def record_loaded(root: str, known: Mapping[str, LoadedSource]) -> dict[str, LoadedSource]:
    """Return what the files of loaded modules hold that nothing is known of yet."""
    found = {}
    for name, module in loaded_below(root).items():
        path = path_of(module)
        if name in known or path is None:
            continue
        try:
            data = path.read_bytes()
        except OSError:
            continue  # a module without a file; it is refused when it is to run again
        found[name] = LoadedSource.of(data, exact=_was_loaded_from(data, path))
    return found


def planned_sources(
    root: str, known: Mapping[str, LoadedSource], goal: Mapping[str, bytes] | None
) -> tuple[list[PlannedSource], dict[str, bytes]]:
    """Compare the loaded modules of a package with their files, or with an earlier version of them.

    Args:
        root: name of the package.
        known: what was loaded.
        goal: the bytes to go back to; None for what the files hold now.

    Returns:
        What a plan needs, and the bytes that each module would run again from.

    Raises:
        NoSourceError: a file holds none.
        SourceGoneError: a file cannot be read.
    """
    modules = loaded_below(root)
    data = {}
    for name, module in modules.items():
        path = path_of(module)
        if path is None or name not in known:
            continue
        try:
            data[name] = path.read_bytes() if goal is None else goal.get(name, known[name].data)
        except OSError as error:
            raise SourceGoneError(name, str(error)) from error
    planned = []
    for name, module in modules.items():
        changed, text = False, None
        if name in data:
            changed = data[name] != known[name].data or not known[name].exact
            try:
                text = text_of(data[name], str(path_of(module)), name, is_package=hasattr(module, "__path__"))
            except SyntaxError as error:
                raise NoSourceError(data, error) from error
        planned.append(PlannedSource(name, changed=changed, text=text, refusal=refusal_of(module)))
    return planned, data


@lru_cache(maxsize=1024)
def text_of(data: bytes, path: str, name: str, *, is_package: bool) -> SourceText:
    """Parse and read a source.

    Raises:
        SyntaxError: it is none.
    """
    return read_source(ast.parse(data, filename=path), name, is_package=is_package)


def digest_of(sources: Mapping[str, bytes]) -> str:
    """Return one digest for a set of sources: of a single one its sha256, of more that of all by name."""
    digests = {name: sha256(data).hexdigest() for name, data in sources.items()}
    if len(digests) == 1:
        return next(iter(digests.values()))
    return sha256("\n".join(f"{name} {digests[name]}" for name in sorted(digests)).encode()).hexdigest()


def _was_loaded_from(data: bytes, path: Path) -> bool:
    """Say whether a module that was imported before was certainly loaded from these bytes.

    It was if its file has not been touched since the process began (its inode's change time, which nobody can
    set), and no `.pyc` says otherwise.
    """
    began = _process_began()
    try:
        touched = path.stat().st_ctime
        cached = Path(importlib.util.cache_from_source(str(path)))
    except (OSError, NotImplementedError):
        return False
    if began is None or touched >= began:
        return False
    try:
        stored = marshal.loads(cached.read_bytes()[_PYC_HEADER:])  # noqa: S302 -- what Python itself would load
    except FileNotFoundError:
        return True
    except (OSError, ValueError, EOFError, TypeError):
        return False
    return bool(stored == compile(data, str(path), "exec", dont_inherit=True))


@lru_cache(maxsize=1)
def _process_began() -> float | None:
    """Return when this process began, in seconds since the epoch; None where that cannot be told."""
    try:
        fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
        age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError, IndexError):
        return None
    return time.time() - age_s - 0.02  # the kernel counts in hundredths

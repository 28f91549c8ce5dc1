"""Looking for engines: the path that the user gives, an installed package, then PATH.

An engine that is found is trusted like any other program of the host: it is asked for its version outside of
the sandbox, with an empty environment. Only what guests make it run is not trusted.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from dspex_actors._errors import EngineNotFoundError, EngineStartError, EngineVersionError
from dspex_actors._language import FoundEngine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dspex_actors._language import Language

ANSWER_S = 10.0
"""Seconds that a program may take to tell its version."""

_NUMBERS = re.compile(r"\d+(?:\.\d+)+")
_SHOWN_CHARS = 200


def find_engine(language: Language, given: str | None = None) -> FoundEngine:
    """Return the engine of a language on this machine, if it will do.

    Args:
        language: its row.
        given: the path that the user has given; None to look for it.

    Raises:
        EngineNotFoundError: there is none.
        EngineVersionError: it is older than the row's minimum.
        EngineStartError: it does not say its version, or not in time, or what the row finds is no engine.
    """
    found = language.find(given)
    if not isinstance(found, FoundEngine):
        reason = f"Language.find must return a FoundEngine, got {found!r}"
        raise EngineStartError(language.name, reason, language.install)
    if _parts(found.version) < _parts(language.minimum):
        seen = f"{found.path} is version {found.version}, {language.minimum} or later will do"
        raise EngineVersionError(language.name, seen, language.install)
    return found


def find_program(
    language: str, install: str, given: str | None, *, packaged: Path | None, names: Sequence[str]
) -> tuple[Path, str]:
    """Return a program and how it was found: `"given"`, `"package"` or `"PATH"`.

    Args:
        language: name of the language, for errors.
        install: the command that installs it, for errors.
        given: the path that the user has given.
        packaged: where an installed package has it; None without the package.
        names: what it may be called in PATH, the best one first.

    Raises:
        EngineNotFoundError: there is none.
    """
    if given is not None:
        path = Path(given).expanduser()
        if not path.is_file() or not os.access(path, os.X_OK):
            raise EngineNotFoundError(language, f"{given} is no program", install)
        return path.resolve(), "given"
    if packaged is not None and packaged.is_file():
        return packaged.resolve(), "package"
    for name in names:
        found = shutil.which(name)
        if found is not None:
            return Path(found).resolve(), "PATH"
    raise EngineNotFoundError(
        language, f"{' or '.join(names)} is not in PATH, and no package has it", install
    )


def find_package(name: str) -> Path | None:
    """Return the folder of an installed top-level package, None if it is not installed.

    Args:
        name: what is imported.
    """
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def version_of(language: str, install: str, command: Sequence[str]) -> str:
    """Run a program that prints its version, and return that.

    Args:
        language: name of the language, for errors.
        install: the command that installs it, for errors.
        command: the program with its arguments.

    Raises:
        EngineStartError: it cannot be run, fails, or takes longer than `ANSWER_S` seconds.
        EngineVersionError: it prints no version.
    """
    said = said_by(language, install, command)
    numbers = _NUMBERS.search(said)
    if numbers is None:
        reason = f"{command[0]} did not print a version but {said[:_SHOWN_CHARS]!r}"
        raise EngineVersionError(language, reason, install)
    return numbers[0]


def said_by(
    language: str,
    install: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
) -> str:
    """Run a program that is asked for its version or more, and return what it printed.

    Args:
        language: name of the language, for errors.
        install: the command that installs it, for errors.
        command: the program with its arguments.
        environment: its whole environment; nothing if None.
        timeout_s: seconds that it may take; `ANSWER_S` if None.

    Raises:
        EngineStartError: it cannot be run, fails, or takes longer than that.
    """
    patience_s = ANSWER_S if timeout_s is None else timeout_s
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=patience_s,
            env=environment or {},
            check=False,
        )
    except subprocess.TimeoutExpired:
        reason = f"{command[0]} did not tell its version within {patience_s:g} s"
        raise EngineStartError(language, reason, install) from None
    except OSError as error:
        raise EngineStartError(language, f"{command[0]} cannot be run: {error}", install) from error
    said = (done.stdout + done.stderr).decode("utf-8", "replace").strip()
    if done.returncode:
        shown = " ".join(said.split())[:_SHOWN_CHARS]
        reason = f"{command[0]} ended with {done.returncode} when asked for its version: {shown!r}"
        raise EngineStartError(language, reason, install)
    return said


def _parts(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version; nothing for none."""
    numbers = _NUMBERS.match(version)
    return tuple(int(part) for part in numbers[0].split(".")) if numbers is not None else ()

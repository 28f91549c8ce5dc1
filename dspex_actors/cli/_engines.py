"""What `dspex-actors doctor` finds out about languages: whose engine is there, what installs the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dspex_actors._errors import EngineError
from dspex_actors.executors.languages import Languages, find_engine, rust

if TYPE_CHECKING:
    from dspex_actors._language import FoundEngine


@dataclass(frozen=True, slots=True)
class EngineFinding:
    """One language.

    Attributes:
        language: its name.
        engine: what runs it here; None if nothing does.
        reason: why nothing does.
        install: the command that changes that.
        is_asked_for: whether only a runtime has it whose configuration says so.
    """

    language: str
    engine: FoundEngine | None
    reason: str = ""
    install: str = ""
    is_asked_for: bool = False

    @property
    def line(self) -> str:
        """What the screen says of it."""
        name = f"{self.language} (a row of RuntimeConfig.languages)" if self.is_asked_for else self.language
        if self.engine is None:
            return f"{name}: {self.reason}; to have it: {self.install}"
        return f"{name} {self.engine.version}"


ASKED_FOR = (rust(native=True, name="rust_native"),)
"""Rows of this package that a runtime has only if its configuration names them."""


def find_engines() -> list[EngineFinding]:
    """Look for the engine of each language of this package, those that are to be asked for last."""
    found = []
    for row in (*Languages(), *ASKED_FOR):
        asked = row in ASKED_FOR
        try:
            finding = EngineFinding(row.name, find_engine(row), install=row.install, is_asked_for=asked)
        except EngineError as error:
            finding = EngineFinding(row.name, None, error.reason, error.install, is_asked_for=asked)
        found.append(finding)
    return found

"""What `dspex-actors doctor` finds out about languages: whose engine is there, what installs the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dspex_actors._errors import EngineError
from dspex_actors.executors.languages import Languages, find_engine

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
    """

    language: str
    engine: FoundEngine | None
    reason: str = ""
    install: str = ""

    @property
    def line(self) -> str:
        """What the screen says of it."""
        if self.engine is None:
            return f"{self.language}: {self.reason}; to have it: {self.install}"
        return f"{self.language} {self.engine.version}"


def find_engines() -> list[EngineFinding]:
    """Look for the engine of each language of this package."""
    found = []
    for row in Languages():
        try:
            found.append(EngineFinding(row.name, find_engine(row), install=row.install))
        except EngineError as error:
            found.append(EngineFinding(row.name, None, error.reason, error.install))
    return found

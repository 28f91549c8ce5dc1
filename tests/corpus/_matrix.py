"""What is expected of the corpus in each configuration, from `matrix.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.corpus._entries import load_entries

if TYPE_CHECKING:
    from tests.corpus._entries import Entry

FILE = Path(__file__).with_name("matrix.toml")


class Cell(NamedTuple):
    """One entry in one profile under one configuration."""

    configuration: str
    profile: str
    entry: str

    def __str__(self) -> str:
        return "-".join(self)


@dataclass(frozen=True)
class Configuration:
    """A machine to run on: which layers it lacks, and whose process the host is.

    Attributes:
        title: how it is called in the table.
        about: what it stands for.
        user: `any` for whoever runs the tests, `root`, or `nobody`.
        disabled: layers that the zygote leaves out; names that no layer has are allowed.
        absent: a word that the name of no active layer may contain.
    """

    title: str
    about: str
    user: str
    disabled: tuple[str, ...]
    absent: str = ""


@dataclass(frozen=True)
class May:
    """A leak that is expected: these checks may fail for these entries there."""

    id: str
    entries: tuple[str, ...]
    profiles: tuple[str, ...]
    configurations: tuple[str, ...]
    checks: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Matrix:
    """Entries, configurations and the leaks that are expected."""

    entries: dict[str, Entry]
    profiles: tuple[str, ...]
    configurations: dict[str, Configuration]
    words: dict[str, str]
    meanings: dict[str, str]
    later: dict[str, str]
    may: tuple[May, ...]
    never_in: tuple[str, ...]
    never: tuple[str, ...]

    def cells(self) -> list[Cell]:
        """Return every cell in which something is run."""
        return [
            Cell(configuration, profile, entry.id)
            for configuration in self.configurations
            for profile in self.profiles
            for entry in self.entries.values()
            if profile in entry.profiles
        ]

    def checks_of(self, cell: Cell) -> list[str]:
        """Return the checks that are made in a cell."""
        must = self.entries[cell.entry].must
        return [
            check
            for check in must
            if check not in self.later and (check != "rejected_strict" or cell.profile == "strict")
        ]

    def rules_of(self, cell: Cell) -> list[May]:
        """Return the expected leaks that speak of a cell."""
        return [
            rule
            for rule in self.may
            if cell.entry in rule.entries
            and cell.profile in rule.profiles
            and cell.configuration in rule.configurations
        ]

    def may_fail(self, cell: Cell) -> dict[str, May]:
        """Return the checks of a cell that may fail, each with the rule that says so."""
        made = self.checks_of(cell)
        return {check: rule for rule in self.rules_of(cell) for check in rule.checks if check in made}


def load_matrix() -> Matrix:
    """Return the matrix.

    Raises:
        KeyError: a field is missing.
    """
    data = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return Matrix(
        entries=load_entries(),
        profiles=tuple(data["profiles"]),
        configurations={
            name: Configuration(**{**row, "disabled": tuple(row["disabled"])})
            for name, row in data["configurations"].items()
        },
        words={check: word for check, (word, _) in data["checks"].items()},
        meanings={check: meaning for check, (_, meaning) in data["checks"].items()},
        later=data["later"],
        may=tuple(
            May(**{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})
            for row in data["may"]
        ),
        never_in=tuple(data["never_in"]),
        never=tuple(data["never"]),
    )

"""The escape corpus: hostile programs, each with what must hold while it runs.

The programs are data, in `entries/*.toml`. An entry's fields:

    id, class   its name and the kind of attack
    profiles    where it is run
    must        names of the checks that have to hold, from `matrix.toml`
    granted     profiles that allow what it is after, where `refused` is not asked for; none if left out
    genuine     for `no_forge`: the values it may really give; none if it must not complete
    code        the program; what it got hold of is in its variable `r`

Placeholders, filled in before a run: `@HOSTPID@`, `@HOSTPORT@`, `@SECRETFILE@`, `@SCRATCH@` (the worker's
own folder) and `@TOKEN@` (in the name of all that a program may leave outside). The secret itself is never
in the code.
"""

from __future__ import annotations

import ast
import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("entries")


@dataclass(frozen=True)
class Entry:
    """One hostile program."""

    id: str
    kind: str
    profiles: tuple[str, ...]
    must: tuple[str, ...]
    code: str
    genuine: tuple[object, ...] = ()
    granted: tuple[str, ...] = ()

    @property
    def asserts(self) -> bool:
        """Whether the program asserts its own refusal, so that an AssertionError means it got through."""
        return any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(self.sample)))

    @property
    def sample(self) -> str:
        """The program with its placeholders filled by something that parses."""
        return fill(
            self.code, {"HOSTPID": "1", "HOSTPORT": "9", "SECRETFILE": "/s", "SCRATCH": "/w", "TOKEN": "t"}
        )

    def program(self, facts: dict[str, object]) -> str:
        """Return the program for a run: placeholders filled, and `r` as its value if it is bound."""
        tree = ast.parse(self.sample)
        binds = any(
            isinstance(node, ast.Name) and node.id == "r" and isinstance(node.ctx, ast.Store)
            for node in ast.walk(tree)
        )
        return fill(self.code, facts) + ("\nr\n" if binds else "\n")


def fill(code: str, facts: dict[str, object]) -> str:
    """Return the code with `@NAME@` replaced by the fact of that name."""
    for name, value in facts.items():
        code = code.replace(f"@{name}@", str(value))
    return code


def load_entries() -> dict[str, Entry]:
    """Return the whole corpus by id.

    Raises:
        ValueError: two entries have the same id.
    """
    found: dict[str, Entry] = {}
    for file in sorted(FOLDER.glob("*.toml")):
        for row in tomllib.loads(file.read_text(encoding="utf-8"))["entry"]:
            if row["id"] in found:
                raise ValueError(f"two entries are called {row['id']}")
            found[row["id"]] = Entry(
                id=row["id"],
                kind=row["class"],
                profiles=tuple(row["profiles"]),
                must=tuple(row["must"]),
                code=row["code"],
                genuine=tuple(row.get("genuine", ())),
                granted=tuple(row.get("granted", ())),
            )
    return found

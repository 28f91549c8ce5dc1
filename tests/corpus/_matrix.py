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


class Machine(NamedTuple):
    """What decides on a machine which leaks are expected.

    Attributes:
        is_root: whether the host is.
        active: layers that are active for its guests, and `cgroup:POWER` for what control groups can do.
        owns_library: whether the host may write to the folder of the standard library.
    """

    is_root: bool
    active: frozenset[str]
    owns_library: bool = True


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
        disabled: layers that the zygote leaves out.
        lacks: layers that are not active, for a host that is `root` and for any `other`: what is left out,
            with what depends on it. All others are active.
        profiles: in which it is run; all if there are none.
        network: what the policy lists; nothing for no network.
    """

    title: str
    about: str
    user: str
    disabled: tuple[str, ...]
    lacks: dict[str, tuple[str, ...]]
    profiles: tuple[str, ...] = ()
    network: tuple[str, ...] = ()

    def lacking(self, *, is_root: bool) -> frozenset[str]:
        """Return the layers that are not active there."""
        return frozenset(self.lacks["root" if is_root else "other"])


@dataclass(frozen=True)
class May:
    """A leak that is expected: these checks may fail for these entries there.

    Attributes:
        without: layers; where one of them is active nothing leaks.
        unless_root: whether nothing leaks where the host is root.
        if_owned: whether it leaks only where the host may write to the folder of the standard library.
    """

    id: str
    entries: tuple[str, ...]
    profiles: tuple[str, ...]
    configurations: tuple[str, ...]
    checks: tuple[str, ...]
    why: str
    without: tuple[str, ...] = ()
    unless_root: bool = False
    if_owned: bool = False

    def holds_on(self, machine: Machine) -> bool:
        """Whether the leak is expected on a machine."""
        spared = (self.unless_root and machine.is_root) or (self.if_owned and not machine.owns_library)
        return not spared and not (machine.active & set(self.without))


class Verdict(NamedTuple):
    """How a cell differs from what is expected: sentences on what is worse, expected leaks that held."""

    worse: list[str]
    better: dict[str, May]


@dataclass(frozen=True)
class Refusal:
    """A profile that may start nothing in a configuration, for want of a layer."""

    profile: str
    configurations: tuple[str, ...]
    layer: str
    why: str


@dataclass(frozen=True)
class Matrix:
    """Entries, configurations, the leaks that are expected, and where nothing may start."""

    entries: dict[str, Entry]
    profiles: tuple[str, ...]
    configurations: dict[str, Configuration]
    words: dict[str, str]
    meanings: dict[str, str]
    later: dict[str, str]
    may: tuple[May, ...]
    refusals: tuple[Refusal, ...]
    never_in: tuple[str, ...]
    never: tuple[str, ...]

    def grounds(self) -> list[tuple[str, str]]:
        """Return each configuration with each profile that is run in it."""
        return [
            (name, profile)
            for name, configuration in self.configurations.items()
            for profile in self.profiles
            if profile in (configuration.profiles or self.profiles)
        ]

    def cells(self) -> list[Cell]:
        """Return every cell in which something is run."""
        return [
            Cell(configuration, profile, entry.id)
            for configuration, profile in self.grounds()
            for entry in self.entries.values()
            if profile in entry.profiles
        ]

    def checks_of(self, cell: Cell) -> list[str]:
        """Return the checks that are made in a cell."""
        entry = self.entries[cell.entry]
        left_out = {*self.later}
        if cell.profile != "strict":
            left_out.add("rejected_strict")
        if cell.profile in entry.granted:
            left_out.add("refused")
        return [check for check in entry.must if check not in left_out]

    def rules_of(self, cell: Cell, machine: Machine | None = None) -> list[May]:
        """Return the expected leaks that speak of a cell, on any machine if none is given."""
        return [
            rule
            for rule in self.may
            if cell.entry in rule.entries
            and cell.profile in rule.profiles
            and cell.configuration in rule.configurations
            and (machine is None or rule.holds_on(machine))
        ]

    def may_fail(self, cell: Cell, machine: Machine | None = None) -> dict[str, May]:
        """Return the checks of a cell that may fail, each with the rule that says so."""
        made = self.checks_of(cell)
        return {
            check: rule for rule in self.rules_of(cell, machine) for check in rule.checks if check in made
        }

    def judge(self, cell: Cell, wrong: dict[str, str], machine: Machine) -> Verdict:
        """Compare what was seen in a cell with what is expected.

        Args:
            cell: where.
            wrong: what is wrong by check, empty where it holds; for each check of the cell.
            machine: on which it was seen.

        Raises:
            KeyError: one of the cell's checks was not made.
        """
        leaks = {check: wrong[check] for check in self.checks_of(cell) if wrong[check]}
        may = self.may_fail(cell, machine)
        where = f"{cell.entry} ({self.entries[cell.entry].kind}) in profile {cell.profile}"
        worse = [
            f"{where}, {self.configurations[cell.configuration].title}: "
            f"expected that {self.meanings[check]}; seen: {what}"
            for check, what in leaks.items()
            if check not in may
        ]
        return Verdict(worse, {check: may[check] for check in may.keys() - leaks.keys()})

    def refusal_of(self, configuration: str, profile: str) -> Refusal | None:
        """Return the rule by which a profile may start nothing in a configuration; None if it must start."""
        for refusal in self.refusals:
            if refusal.profile == profile and configuration in refusal.configurations:
                return refusal
        return None

    def may_refuse(self, configuration: str, profile: str) -> str | None:
        """Return the layer for want of which it may start nothing; None if it has to start."""
        refusal = self.refusal_of(configuration, profile)
        return None if refusal is None else refusal.layer


def _tuples(row: dict[str, object]) -> dict[str, object]:
    """Return a row with its lists as tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}


def load_matrix() -> Matrix:
    """Return the matrix.

    Raises:
        KeyError: a field is missing.
        TypeError: a row lacks a field, or has one that is not known.
    """
    data = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return Matrix(
        entries=load_entries(),
        profiles=tuple(data["profiles"]),
        configurations={
            name: Configuration(**{**_tuples(row), "lacks": _tuples(row["lacks"])})
            for name, row in data["configurations"].items()
        },
        words={check: word for check, (word, _) in data["checks"].items()},
        meanings={check: meaning for check, (_, meaning) in data["checks"].items()},
        later=data["later"],
        may=tuple(May(**_tuples(row)) for row in data["may"]),
        refusals=tuple(Refusal(**_tuples(row)) for row in data["refusals"]),
        never_in=tuple(data["never_in"]),
        never=tuple(data["never"]),
    )

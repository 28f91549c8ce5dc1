"""Write the expected matrix into docs/explanation/attacks.md, between its two markers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.corpus._matrix import Cell, load_matrix

if TYPE_CHECKING:
    from tests.corpus._matrix import Matrix, May

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "attacks.md"
BEGIN = "<!-- matrix: written by `make corpus` -->"
END = "<!-- end of matrix -->"


def render(matrix: Matrix) -> str:
    """Return the matrix as text: how much there is, what is checked, a table by profile, the reasons."""
    parts = [_counts(matrix), _configurations(matrix), _checks(matrix)]
    parts += [_profile(matrix, profile) for profile in matrix.profiles]
    return "\n\n".join([*parts, _reasons(matrix)])


def _counts(matrix: Matrix) -> str:
    cells = matrix.cells()
    kinds = {entry.kind for entry in matrix.entries.values()}
    each = ", ".join(
        f"{sum(profile in entry.profiles for entry in matrix.entries.values())} in {_code(profile)}"
        for profile in matrix.profiles
    )
    apart = [row for row in matrix.configurations.values() if row.profiles]
    further = "".join(
        f", those in {' and '.join(map(_code, row.profiles))} {row.title} as well" for row in apart
    )
    return (
        f"{len(matrix.entries)} hostile programs of {len(kinds)} kinds, {each}, each in"
        f" {len(matrix.configurations) - len(apart)} configurations{further}: {len(cells)} cells."
    )


def _configurations(matrix: Matrix) -> str:
    rows = [f"| {row.title} | {row.about} |" for row in matrix.configurations.values()]
    return "\n".join(["### Configurations", "", "| configuration | what it is |", "|---|---|", *rows])


def _checks(matrix: Matrix) -> str:
    rows = [
        f"| {_code(check)} | {meaning} | {matrix.words[check]} |{_times(matrix, check)}"
        for check, meaning in matrix.meanings.items()
    ]
    head = [
        "### What is checked",
        "",
        "| check | what must hold | if not, it | entries |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *rows])


def _times(matrix: Matrix, check: str) -> str:
    count = sum(check in entry.must for entry in matrix.entries.values())
    later = f", {matrix.later[check]}" if check in matrix.later else ""
    return f" {count}{later} |"


def _profile(matrix: Matrix, profile: str) -> str:
    titles = [matrix.configurations[name].title for name, each in matrix.grounds() if each == profile]
    head = [
        f"### Profile `{profile}`",
        "",
        f"| attack | entries | {' | '.join(titles)} |",
        "|---" * (len(titles) + 2) + "|",
    ]
    kinds = dict.fromkeys(entry.kind for entry in matrix.entries.values() if profile in entry.profiles)
    return "\n".join([*head, *(_row(matrix, profile, kind) for kind in kinds)])


def _row(matrix: Matrix, profile: str, kind: str) -> str:
    entries = [entry for entry in matrix.entries.values() if entry.kind == kind and profile in entry.profiles]
    # Sessions of a profile that starts processes have no state to keep.
    later = any(check in matrix.later for entry in entries for check in entry.must) and profile != "shell"
    cells = []
    for configuration in (name for name, each in matrix.grounds() if each == profile):
        expected = [matrix.may_fail(Cell(configuration, profile, entry.id)) for entry in entries]
        refused = matrix.refusal_of(configuration, profile) is not None
        cells.append(_cell(matrix, expected) + ("*" if later else "") + ("†" if refused else ""))
    return f"| {kind.replace('_', ' ')} | {len(entries)} | {' | '.join(cells)} |"


def _cell(matrix: Matrix, expected: list[dict[str, May]]) -> str:
    """Say what the entries of a class may do in one configuration."""
    words = dict.fromkeys(f"{matrix.words[check]}" for may in expected for check in may)
    if not words:
        return "held"
    rules = dict.fromkeys(rule.id for may in expected for rule in may.values())
    notes = ", ".join(str(_number(matrix, rule)) for rule in rules)
    leaking = sum(map(bool, expected))
    return f"**may leak** ({leaking} of {len(expected)}): {', '.join(words)} [{notes}]"


def _number(matrix: Matrix, rule: str) -> int:
    return 1 + [each.id for each in matrix.may].index(rule)


def _reasons(matrix: Matrix) -> str:
    rows = [
        f"- [{_number(matrix, rule.id)}] {', '.join(map(_code, rule.entries))}{_condition(rule)}: {rule.why}."
        for rule in matrix.may
    ]
    refusals = [
        f"- † {_code(refusal.profile)} starts nothing where {_code(refusal.layer)} is missing: {refusal.why}."
        for refusal in matrix.refusals
    ]
    later = [
        f"- \\* {_code(check)} {why}; it counts neither as held nor as leaked."
        for check, why in matrix.later.items()
    ]
    return "\n".join(["### Why it may leak", "", *rows, *refusals, *later])


def _condition(rule: May) -> str:
    """Say on which machines a rule holds, if not on all."""
    layers = " and ".join(map(_layer, rule.without))
    found = [f"{layers} {'are' if len(rule.without) > 1 else 'is'} missing"] if layers else []
    if rule.unless_root:
        found.append("the host is not root")
    if rule.if_owned:
        found.append("the host may write there")
    return f", where {' and '.join(found)}" if found else ""


def _layer(name: str) -> str:
    layer, _, power = name.partition(":")
    return f"{_code(layer)} (over {power})" if power else _code(layer)


def _code(name: str) -> str:
    return f"`{name}`"


def rewritten(page: str) -> str:
    """Return the page with its matrix made anew.

    Raises:
        ValueError: the page has lost one of its markers.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE.name} must hold the lines {BEGIN} and {END}")
    return f"{before}{begin}\n\n{render(load_matrix())}\n\n{end}{after}"


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

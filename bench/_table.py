"""Rows of figures as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OURS = "dspex_actors"


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """Draw rows as a Markdown table, each peer with its ratio to ours: 2.0x is twice as good as the peer."""
    rows = list(rows)
    ours = {row["case"]: row for row in rows if row["who"] == OURS and row["n"]}
    lines = [
        "| case | who | median | p95 / p99 | n | ours is | target | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda row: [each["case"] for each in rows].index(row["case"])):
        label = f"| {row['question']}: {row['case']} | {row['who']} "
        if not row["n"]:
            lines.append(f"{label}| {row['note'] or 'no figures'} | | 0 | | | |")
            continue
        ratio = "" if row["who"] == OURS else ratio_to(row, ours.get(row["case"]))
        target, verdict = "", ""
        if row["target"] is not None:
            target = f"{'>=' if row['more'] else '<='} {row['target']:g} {row['unit']}"
            verdict = judge(row)
        figures = (
            f"{short(row['median'])} {row['unit']} | {short(row['p95'])} / {short(row['p99'])} | {row['n']}"
        )
        lines.append(f"{label}| {figures} | {ratio} | {target} | {verdict} |")
    return "\n".join(lines)


def judge(row: Mapping[str, Any]) -> str:
    """Say whether the median reaches the row's target."""
    met = row["median"] >= row["target"] if row["more"] else row["median"] <= row["target"]
    return "met" if met else "missed"


def ratio_to(row: Mapping[str, Any], ours: Mapping[str, Any] | None) -> str:
    """Say how many times better than a peer we are; below one, it is better than we are."""
    if ours is None or not row["median"] or not ours["median"]:
        return ""
    better = ours["median"] / row["median"] if row["more"] else row["median"] / ours["median"]
    return f"{better:.2g}x" if better < 10 else f"{better:.0f}x"


def short(number: float) -> str:
    """Write a figure with three significant digits."""
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:.3g}"

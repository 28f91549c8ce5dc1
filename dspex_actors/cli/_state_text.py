"""What a store holds, as lines for people and as plain data for programs."""

from __future__ import annotations

import json
from pprint import PrettyPrinter
from typing import TYPE_CHECKING, Any, Final

from dspex_actors._errors import DspexError
from dspex_actors.serialization import _json
from dspex_actors.state import Change

if TYPE_CHECKING:
    from dspex_actors.state import Difference, Finding, Row, Snapshot, StoredVersion

WIDTH: Final = 100
SHOWN_CHARS: Final = 200  # of a part that differs; `--json` has all of it
_LONGEST_INT_BITS: Final = 8192  # well below Python's limit of decimal digits, beyond which `repr` raises
_SIGNS: Final = {Change.ADDED: "+", Change.REMOVED: "-", Change.CHANGED: "~"}
HEADING: Final = f"{'revision':>8}  {'saved':<32}  {'bytes':>10}  {'label':<32}"


class _Printer(PrettyPrinter):
    """Shows integers that are too long for decimal digits in hexadecimal ones."""

    def format(
        self,
        object: object,  # noqa: A002 -- the standard library's name
        context: dict[int, int],
        maxlevels: int,
        level: int,
    ) -> tuple[str, bool, bool]:
        """Return the text of a part, and what the printer wants to know of it."""
        if type(object) is int and object.bit_length() > _LONGEST_INT_BITS:
            return hex(object), True, False
        return super().format(object, context, maxlevels, level)


def text_of(state: object) -> str:
    """Return a state as text, in lines of up to 100 characters where its parts allow that."""
    return _Printer(width=WIDTH, sort_dicts=False).pformat(state)


def one_line(name: str) -> str:
    """Return an id or a label such that it cannot be taken for more than one line."""
    return name if name.isprintable() else repr(name)


def counted(number: int, what: str) -> str:
    """Return a number of things in words."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _short(part: object) -> str:
    text = " ".join(text_of(part).split("\n"))
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}... ({len(text)} characters)"


def plain(value: object) -> Any:  # noqa: ANN401 -- what `json` takes
    """Return a state as JSON has it: what JSON has no type for as `{"$t": tag, "v": payload}`.

    An object of a class of somebody's own is `{"$repr": text}`.
    """
    try:
        return json.loads(_json.encode(value))
    except DspexError:
        return {"$repr": text_of(value)}


# -- versions


def line_of(row: Row, version: StoredVersion | str) -> str:
    """Return a version as a line: revision, time, size, label, and the id at its end.

    Args:
        row: as the database has it.
        version: what was saved, or why that is not known.
    """
    if isinstance(version, str):
        return f"{row.revision:>8}  DAMAGED {one_line(row.id)}: {version}"
    size = "deleted" if version.deleted else str(version.size)
    saved = version.saved_at.isoformat()
    label = one_line(version.label)
    return f"{version.revision:>8}  {saved:<32}  {size:>10}  {label:<32}  {one_line(row.id)}"


def plain_row(row: Row, version: StoredVersion | str) -> dict[str, Any]:
    """Return a version as plain data; of a damaged one only where it stands and what is wrong."""
    if isinstance(version, str):
        return {"id": row.id, "revision": row.revision, "damaged": version}
    return plain_version(version) | {"damaged": None}


def plain_version(version: StoredVersion) -> dict[str, Any]:
    """Return what a store says of a version as plain data."""
    return {
        "id": version.id,
        "revision": version.revision,
        "label": version.label,
        "saved_at": version.saved_at.isoformat(),
        "deleted": version.deleted,
        "schema_version": version.schema_version,
        "size": version.size,
        "metadata": plain(dict(version.metadata)),
    }


def about(version: StoredVersion) -> str:
    """Return what a store says of a version as lines."""
    facts = {
        "id": one_line(version.id),
        "revision": version.revision,
        "label": one_line(version.label),
        "saved": version.saved_at.isoformat(),
        "schema": version.schema_version,
        "bytes": version.size,
        "metadata": _short(dict(version.metadata)) if version.metadata else None,
    }
    return "\n".join(f"{name:<10}{fact}" for name, fact in facts.items() if fact is not None)


# -- snapshots


def snapshot_line(snapshot: Snapshot) -> str:
    """Return a snapshot as a line."""
    ids = counted(len(snapshot.items), "id")
    return f"{snapshot.created_at.isoformat():<32}  {ids:>12}  {one_line(snapshot.name)}"


def plain_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    """Return a snapshot as plain data."""
    return {
        "name": snapshot.name,
        "created_at": snapshot.created_at.isoformat(),
        "items": dict(snapshot.items),
        "metadata": plain(dict(snapshot.metadata)),
    }


# -- differences and damage


def difference_line(difference: Difference) -> str:
    """Return a difference as a line that begins with +, - or ~."""
    head = f"{_SIGNS[difference.change]} {difference.path}"
    match difference.change:
        case Change.ADDED:
            return f"{head} = {_short(difference.new)}"
        case Change.REMOVED:
            return f"{head} = {_short(difference.old)}"
    if difference.note:
        return f"{head}: {difference.note}"
    return f"{head}: {_short(difference.old)} -> {_short(difference.new)}"


def plain_difference(difference: Difference) -> dict[str, Any]:
    """Return a difference as plain data."""
    return {
        "path": difference.path,
        "change": difference.change.value,
        "old": plain(difference.old),
        "new": plain(difference.new),
        "note": difference.note,
    }


def finding_line(finding: Finding) -> str:
    """Return what is damaged as a line."""
    parts = [] if finding.snapshot is None else [f"snapshot {finding.snapshot!r}"]
    if finding.id is not None:
        parts.append(
            f"{finding.id!r}" + ("" if finding.revision is None else f" revision {finding.revision}")
        )
    return f"damaged: {', '.join(parts) or 'the database'}: {finding.reason}"


def plain_finding(finding: Finding) -> dict[str, Any]:
    """Return what is damaged as plain data."""
    return {
        "id": finding.id,
        "revision": finding.revision,
        "snapshot": finding.snapshot,
        "reason": finding.reason,
    }

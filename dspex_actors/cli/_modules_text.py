"""What a runtime says of its modules, as lines for people and as plain data for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from dspex_actors.control._protocol import Missed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dspex_actors.control._protocol import (
        Event,
        InstanceRow,
        Message,
        ModuleDetails,
        ModuleRow,
        Reloaded,
    )

HEADING: Final = f"{'version':<24}  {'live':>9}  {'type':<24}  id"
_DIGITS: Final = 8  # of a digest, for people


def plain(message: Message) -> dict[str, Any]:
    """Return a message as plain data, without the name of its kind."""
    facts: dict[str, Any] = msgspec.to_builtins(message)
    del facts["is"]
    return facts


def row_line(row: ModuleRow) -> str:
    """Return a module as a line: version, how many of its instances live, type, id, tags."""
    live = f"{row.live}/{row.instances}"
    tags = f"  [{', '.join(map(one_line, row.tags))}]" if row.tags else ""
    return f"{row.version:<24}  {live:>9}  {one_line(row.type):<24}  {row.module_id}{tags}"


def about(details: ModuleDetails) -> str:
    """Return what is said of a module as lines."""
    facts = {
        "id": details.module_id,
        "version": f"{details.version}  ({details.digest[:_DIGITS]})",
        "old": ", ".join(f"{each.version}  ({each.digest[:_DIGITS]})" for each in details.old),
        "type": details.type,
        "target": details.target,
        "source": details.source,
        "reloads": details.reload_root if details.hot_reload else "switched off",
        "isolation": details.isolation,
        "checkpoint": details.checkpoint,
        "on failure": details.when_failed,
        "tags": ", ".join(details.tags),
    }
    facts |= {f"metadata {name}": repr(value) for name, value in details.metadata.items()}
    return "\n".join(f"{one_line(name):<12}{one_line(fact)}" for name, fact in facts.items() if fact)


def instance_line(row: InstanceRow) -> str:
    """Return an instance as a line."""
    state = "live" if row.live else "starting"
    pin = "  pinned" if row.pinned else ""
    saved = "nothing saved" if row.saved is None else f"saved as {row.saved}"
    return f"  {state:<8}  {row.version:<24}  {saved}  {row.name}{pin}"


def reloaded_line(report: Reloaded) -> str:
    """Return what a reload or a roll-back did as a line."""
    if not report.changed:
        return f"{report.module_id}: nothing has changed, it stays at {report.old}"
    instances = f"{report.upgraded} upgraded" + (f", {report.restarted} restarted" * bool(report.restarted))
    held = f"held still for {report.suspended_s * 1000:.1f} ms"
    return f"{report.module_id}: {report.old} -> {report.new}; instances: {instances}, {held}"


def event_line(event: Event | Missed, at: datetime) -> str:
    """Return an event as a line, with the time at which it arrived here."""
    time = at.strftime("%H:%M:%S")
    if isinstance(event, Missed):
        return f"{time}  {event.count} events were missed: they came faster than they were taken"
    versions = " -> ".join(each for each in (event.old, event.new) if each)
    instance = f"  instance {one_line(event.instance)}" if event.instance else ""
    step = f" at {event.step}" if event.step else ""
    reason = f"{step}: {one_line(event.reason)}" if event.reason else ""
    return f"{time}  {event.event:<18}  {event.module_id}  {versions}{instance}{reason}"


def plain_event(event: Event | Missed, at: datetime) -> dict[str, Any]:
    """Return an event as plain data, with the time at which it arrived here."""
    facts = {"event": "missed"} if isinstance(event, Missed) else {}
    return {"at": at.isoformat(), **facts, **plain(event)}


def plain_details(details: ModuleDetails, instances: Sequence[InstanceRow]) -> dict[str, Any]:
    """Return all of a module as plain data."""
    return {**plain(details), "instances": [plain(each) for each in instances]}


def one_line(text: str) -> str:
    """Return a text such that it cannot be taken for more than one line."""
    return text if text.isprintable() else repr(text)

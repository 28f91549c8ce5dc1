"""`dspex-actors state`: looking after a state store, on any backend, without making one."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dspex_actors._errors import ConfigError, DspexError
from dspex_actors.cli import _state_text as text
from dspex_actors.cli._exit_code import ExitCode
from dspex_actors.cli._interrupts import Interrupts
from dspex_actors.cli._state_access import OpenedStore
from dspex_actors.cli._state_keys import serializer_of
from dspex_actors.cli._state_parser import KEYS_VARIABLE, PASSWORD_VARIABLE, STORE_VARIABLE
from dspex_actors.cli._state_place import FORMS, Place, place_of
from dspex_actors.cli._terminal import Sink
from dspex_actors.cli._usage import StoreFailedError, UsageError
from dspex_actors.serialization import PickleRefusedError
from dspex_actors.state import (
    IdExistsError,
    Retention,
    SnapshotExistsError,
    SnapshotNotFoundError,
    StateDeletedError,
    StorageMissingError,
    VersionNotFoundError,
    differences,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator

    from dspex_actors.state import Row, StoredVersion, Transferred

_SHAPE: Final = 1
"""Of the plain data; changes with it."""

_NONE_SUCH: Final = (
    ConfigError,
    IdExistsError,
    SnapshotExistsError,
    SnapshotNotFoundError,
    StateDeletedError,
    VersionNotFoundError,
)


def run(options: argparse.Namespace) -> ExitCode:
    """Run the command.

    Args:
        options: as `_state_parser` makes them.

    Returns:
        `FOUND` if `verify` found damage or `diff` a difference, else `COMPLETED`.

    Raises:
        UsageError: an option or a file is wrong, or there is no such store, id or version.
        StoreFailedError: the store cannot be reached, or a part of it cannot be read.
        InterruptedBySignal: a signal asked for the end.
    """
    place = _place(options)
    serializer = serializer_of(
        options.keys or os.environ.get(KEYS_VARIABLE),
        accept_unsigned=options.accept_unsigned,
        allow_pickle=getattr(options, "allow_pickle", False),
    )
    out = _Output(place)
    with (
        Interrupts() as interrupts,
        interrupts.allowed(),
        _translated(place),
        OpenedStore(place.backend, serializer) as store,
    ):
        return _ACTIONS[options.action](options, store, out)


def _place(options: argparse.Namespace) -> Place:
    where = options.store or os.environ.get(STORE_VARIABLE)
    if not where:
        raise UsageError(f"say where the store is, by --store or the variable {STORE_VARIABLE}: {FORMS}")
    return place_of(
        where,
        name=options.name,
        password=os.environ.get(PASSWORD_VARIABLE),
        durability=getattr(options, "durability", None),
        writes=options.action == "import",
        create=getattr(options, "create", False),
    )


@contextmanager
def _translated(place: Place) -> Iterator[None]:
    """Raise what an error of the store means to whoever called the command, without a password.

    Raises:
        UsageError: he asked for what is not there.
        StoreFailedError: he did not.
    """
    try:
        yield
    except UsageError:
        raise
    except StorageMissingError as error:
        hint = "; `state import --create` makes one"
        raise UsageError(place.hidden(f"{error.reason} ({place.shown}){hint}")) from None
    except _NONE_SUCH as error:
        raise UsageError(place.hidden(str(error))) from None
    except PickleRefusedError as error:
        raise StoreFailedError(place.hidden(f"{error}; see --allow-pickle")) from None
    except DspexError as error:
        raise StoreFailedError(place.hidden(str(error))) from None


class _Output:
    """Where results go: lines that may hold words of others, or one value as JSON."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._sink = Sink(sys.stdout)

    def line(self, line: str) -> None:
        self._sink.write_line(line)

    def json(self, **facts: Any) -> None:  # noqa: ANN401 -- whatever JSON takes
        facts = {"shape": _SHAPE, "store": self._place.shown, **facts}
        self._sink.write_line(json.dumps(facts, indent=2))


# -- the actions


def _list(options: argparse.Namespace, store: OpenedStore, out: _Output) -> ExitCode:
    if options.snapshots:
        return _list_snapshots(options, store, out)
    if options.id is not None:
        rows: Iterable[Row] = store.rows(options.id)
    else:
        rows = (row for row in store.heads() if row.deleted is options.deleted)
    found = ((row, store.version(row)) for _, row in zip(_counted(options.limit), rows, strict=False))
    if options.json:
        out.json(versions=[text.plain_row(row, version) for row, version in found])
        return ExitCode.COMPLETED
    for place, (row, version) in enumerate(found):
        if not place:
            out.line(f"{text.HEADING}  id")
        out.line(text.line_of(row, version))
    return ExitCode.COMPLETED


def _counted(limit: int | None) -> Iterator[int]:
    """Count up to the limit; for ever if there is none."""
    number = 0
    while limit is None or number < limit:
        yield number
        number += 1


def _list_snapshots(options: argparse.Namespace, store: OpenedStore, out: _Output) -> ExitCode:
    if options.id is not None:
        raise UsageError("--snapshots lists those of the store, not of an id")
    snapshots = [each for _, each in zip(_counted(options.limit), store.all_snapshots(), strict=False)]
    if options.json:
        out.json(snapshots=[text.plain_snapshot(each) for each in snapshots])
    for each in () if options.json else snapshots:
        out.line(text.snapshot_line(each))
    return ExitCode.COMPLETED


def _show(options: argparse.Namespace, store: OpenedStore, out: _Output) -> ExitCode:
    loaded = store.load(options.id, **options.version)
    if options.json:
        out.json(**text.plain_version(loaded.version), state=text.plain(loaded.state))
    else:
        out.line(f"{text.about(loaded.version)}\n\n{text.text_of(loaded.state)}")
    return ExitCode.COMPLETED


def _diff(options: argparse.Namespace, store: OpenedStore, out: _Output) -> ExitCode:
    old, new = (store.load(options.id, **which) for which in (options.old, options.new))
    found = differences(old.state, new.state)
    if options.json:
        sides = {"old": text.plain_version(old.version), "new": text.plain_version(new.version)}
        out.json(**sides, differences=[text.plain_difference(each) for each in found])
    else:
        count = text.counted(len(found), "difference")
        out.line(f"{text.one_line(options.id)}: {_named(old.version)} -> {_named(new.version)}: {count}")
        for each in found:
            out.line(text.difference_line(each))
    return ExitCode.FOUND if found else ExitCode.COMPLETED


def _named(version: StoredVersion) -> str:
    schema = "" if version.schema_version is None else f", schema {version.schema_version}"
    return f"revision {version.revision} ({text.one_line(version.label)}{schema})"


def _verify(options: argparse.Namespace, store: OpenedStore, out: _Output) -> ExitCode:
    store.check_known(options.ids)
    verification = store.verify(ids=options.ids or None)
    if options.json:
        out.json(
            sound=verification.sound,
            versions=verification.versions,
            snapshots=verification.snapshots,
            findings=[text.plain_finding(each) for each in verification.findings],
        )
    else:
        for each in verification.findings:
            out.line(text.finding_line(each))
        versions = text.counted(verification.versions, "version")
        snapshots = text.counted(verification.snapshots, "snapshot")
        verdict = "all sound" if verification.sound else text.counted(len(verification.findings), "finding")
        out.line(f"{versions} and {snapshots}: {verdict}")
    return ExitCode.COMPLETED if verification.sound else ExitCode.FOUND


def _export(options: argparse.Namespace, store: OpenedStore, out: _Output) -> ExitCode:
    if not options.overwrite and os.path.lexists(options.file):
        raise UsageError(f"{options.file} is there already; --overwrite replaces it")
    store.check_known(options.ids)
    done = _with_file(options.file, "write", lambda path: store.export(path, ids=options.ids or None))
    return _transferred(options, out, done)


def _import(options: argparse.Namespace, store: OpenedStore, out: _Output) -> ExitCode:
    done = _with_file(options.file, "read", lambda path: store.import_(path, existing=options.existing))
    return _transferred(options, out, done)


def _with_file(file: str, verb: str, act: Callable[[Path], Transferred]) -> Transferred:
    """Do something with a file.

    Raises:
        UsageError: the file is to blame.
    """
    try:
        return act(Path(file))
    except (OSError, ValueError) as error:
        if isinstance(error, DspexError):
            raise
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"cannot {verb} {file}: {reason}") from None


def _transferred(options: argparse.Namespace, out: _Output, done: Transferred) -> ExitCode:
    if options.json:
        out.json(ids=list(done.ids), versions=done.versions, snapshots=list(done.snapshots))
    else:
        versions, ids = text.counted(done.versions, "version"), text.counted(len(done.ids), "id")
        out.line(f"{options.action}ed {versions} of {ids}, {text.counted(len(done.snapshots), 'snapshot')}")
    return ExitCode.COMPLETED


def _prune(options: argparse.Namespace, store: OpenedStore, out: _Output) -> ExitCode:
    if bool(options.ids) is options.all:
        raise UsageError("say of which ids: name them, or --all")
    if options.keep_versions is None and options.keep_for is None:
        raise UsageError("say what to keep: --keep-versions, --keep-for, or both")
    store.check_known(options.ids)
    policy = Retention(versions=options.keep_versions, seconds=options.keep_for)
    removed = store.prune(policy, ids=options.ids or None, dry_run=options.dry_run)
    total = sum(removed.values())
    if options.json:
        out.json(dry_run=options.dry_run, total=total, removed=removed)
        return ExitCode.COMPLETED
    for each, count in removed.items():
        out.line(f"{count:>8}  {text.one_line(each)}")
    verb = "would be removed" if options.dry_run else "removed"
    out.line(f"{text.counted(total, 'version')} {verb}")
    return ExitCode.COMPLETED


_ACTIONS: Final[dict[str, Callable[[argparse.Namespace, OpenedStore, _Output], ExitCode]]] = {
    "list": _list,
    "show": _show,
    "diff": _diff,
    "verify": _verify,
    "export": _export,
    "import": _import,
    "prune": _prune,
}

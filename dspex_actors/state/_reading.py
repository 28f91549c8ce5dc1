"""Finding versions: which one a caller means, and what there is where there is none such."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dspex_actors._errors import ConfigError
from dspex_actors.serialization import SignatureError
from dspex_actors.state._backend import AsOf, Label, Latest, Revision
from dspex_actors.state._errors import DamagedVersionError, StateDeletedError, VersionNotFoundError
from dspex_actors.state._names import check_name, check_revision
from dspex_actors.state._order import SHOWN, nearest
from dspex_actors.state._versioning import LATEST, to_us

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dspex_actors.state._backend import Row, Which
    from dspex_actors.state._ledger import Ledger
    from dspex_actors.state._stored import StoredVersion

_NEXT: Final = 8  # revisions among which the next one is looked for; some may be pruned
_LABELS_SEARCHED: Final = 1000  # of the newest versions, for the labels that an error offers


def which_version(version: str | int, at: datetime | None) -> Which:
    """Return what a caller of `load` means.

    Raises:
        ConfigError: it is nothing that can be meant.
    """
    if at is not None:
        if version != LATEST:
            raise ConfigError("version", version, "'latest' where `at` is given")
        return AsOf(max(0, to_us(at)))
    if version == LATEST:
        return Latest()
    if type(version) is int:
        return Revision(check_revision("version", version, least=1))
    return Label(check_name("version", version))


def find(ledger: Ledger, id: str, which: Which) -> tuple[StoredVersion, bytes]:  # noqa: A002 -- the word of the whole library
    """Return a version and its body.

    Raises:
        VersionNotFoundError: there is none such; names the nearest.
        StateDeletedError: it says that the id is deleted.
        DamagedVersionError: it is not what was saved.
        StorageError: the database cannot be read.
    """
    entry = ledger.line.run(lambda storage: storage.read(id, which))
    if entry is None:
        raise _not_found(ledger, id, which)
    version = ledger.codec.open(entry)
    if version.id != id or (isinstance(which, Revision) and version.revision != which.number):
        reason = f"the database gave revision {version.revision} of {version.id!r} instead"
        raise DamagedVersionError(id, entry.row.revision, reason)
    if isinstance(which, AsOf):
        _check_next(ledger, version, which.us)
    if version.deleted:
        raise StateDeletedError(id, version.revision)
    return version, entry.body


def find_sound(ledger: Ledger, id: str, which: Which) -> tuple[StoredVersion, bytes, tuple[int, ...]]:  # noqa: A002 -- as above
    """Like `find`, but of damaged versions go back to the one before.

    Returns:
        The version, its body, and the revisions that were passed over.

    Raises:
        DamagedVersionError: all versions from that one on back are damaged; of the first that was tried.
        VersionNotFoundError, StateDeletedError, StorageError: as `find`.
    """
    passed: list[int] = []
    first: DamagedVersionError | SignatureError | None = None
    while True:
        try:
            version, body = find(ledger, id, which)
            ledger.codec.check_body(version, body)
        except (DamagedVersionError, SignatureError) as error:
            first = first or error
            revision = (
                error.revision if isinstance(error, DamagedVersionError) else _revision(ledger, id, which)
            )
            passed.append(revision)
        except VersionNotFoundError:
            if first is None:
                raise
        else:
            return version, body, tuple(passed)
        before = ledger.line.run(lambda storage: storage.rows(id, before=passed[-1], limit=1))
        if not before:
            raise first
        which = Revision(before[0].revision)


def _check_next(ledger: Ledger, version: StoredVersion, at_us: int) -> None:
    """Check that the version after one that was found by time is as late as its column says.

    Raises:
        DamagedVersionError: its time was changed, and it may be the one that was looked for.
    """
    newer = _rows(ledger, version.id, _NEXT, before=version.revision + 1 + _NEXT)
    after = [row for row in newer if row.revision > version.revision]
    if after and ledger.codec.version(after[-1]).saved_us <= at_us:
        reason = "the database says another saved_us than was saved"
        raise DamagedVersionError(version.id, after[-1].revision, reason)


def _revision(ledger: Ledger, id: str, which: Which) -> int:  # noqa: A002 -- as above
    entry = ledger.line.run(lambda storage: storage.read(id, which))
    return 0 if entry is None else entry.row.revision


def list_rows(ledger: Ledger, id: str, before: int | None, limit: int) -> list[StoredVersion]:  # noqa: A002 -- as above
    """Return versions of an id, the newest first, deletions too.

    Raises:
        DamagedVersionError: one of them is not what was saved.
        StorageError: the database cannot be read.
    """
    rows = ledger.line.run(lambda storage: storage.rows(id, before=before, limit=limit))
    return [ledger.codec.version(row) for row in rows]


def _not_found(ledger: Ledger, id: str, which: Which) -> VersionNotFoundError:  # noqa: A002 -- as above
    match which:
        case Latest():
            return VersionNotFoundError(LATEST, ())
        case Revision(number):
            rows = _rows(ledger, id, SHOWN, before=number + SHOWN) or _rows(ledger, id, SHOWN)
            return VersionNotFoundError(repr(number), nearest(str(number), _revisions(rows)))
        case Label(text):
            labels = [row.label for row in _rows(ledger, id, _LABELS_SEARCHED) if not row.deleted]
            return VersionNotFoundError(repr(text), nearest(text, labels))
        case AsOf(us):
            oldest = _rows(ledger, id, SHOWN)
            return VersionNotFoundError(f"saved at {us} us since 1970 or before", tuple(_revisions(oldest)))


def _rows(ledger: Ledger, id: str, limit: int, before: int | None = None) -> list[Row]:  # noqa: A002 -- as above
    return ledger.line.run(lambda storage: storage.rows(id, before=before, limit=limit))


def _revisions(rows: Sequence[Row]) -> list[str]:
    return [str(row.revision) for row in rows]

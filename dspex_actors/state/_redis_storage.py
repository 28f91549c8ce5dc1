"""A Redis server as a storage: what is sent for each operation, and what its answers mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from dspex_actors.state import _redis_scripts as scripts
from dspex_actors.state._backend import AsOf, Entry, Label, Latest, Revision, Row, SnapshotRow
from dspex_actors.state._batches import runs
from dspex_actors.state._listening import Listener
from dspex_actors.state._redis_check import check
from dspex_actors.state._redis_errors import NAME
from dspex_actors.state._redis_feed import RedisFeed
from dspex_actors.state._redis_keys import Keys, item_list, label_member
from dspex_actors.state._redis_line import ask
from dspex_actors.state._servers import Calls, Pool
from dspex_actors.state._storage_errors import SnapshotExistsError, StorageBusyError, StorageDamagedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import redis

    from dspex_actors.state._backend import Which
    from dspex_actors.state._redis_line import RedisLine

_TRIES: Final = 10  # of dropping a snapshot that others drop and make again meanwhile
_SHARE_BYTES: Final = 4 * 2**20  # of bodies, after which a script is full: others wait while one runs
_AT_ONCE: Final = 1000  # versions that are removed in one act

_ROW: Final = msgspec.msgpack.Decoder(tuple[str, int, str, int, bool, bytes])


class RedisStorage:
    """A connection to Redis, made when it is needed; see `Storage` for the contract.

    Args:
        line: how to reach the server.
        keys: the names of the keys.
    """

    def __init__(self, line: RedisLine, keys: Keys) -> None:
        self._keys = keys
        pool = Pool(NAME, line, limit=1, busy_timeout_s=1.0)  # `Calls` has one at a time, so nobody waits
        self._calls: Calls[redis.Connection] = Calls(NAME, pool)
        self._listener = Listener(lambda: RedisFeed(line, keys.channel))
        try:
            self._calls.run("open", line.prepare)
        except BaseException:
            self.close()
            raise

    # -- writing

    def append(self, entries: Sequence[Entry]) -> list[int | None]:
        """Add versions by scripts of up to 4 MiB or so, those of one id by the same; all are sent at once.

        Redis waits for the disk once for what it has read at a time, which is one script if they are big.
        """
        if not entries:
            self._calls.check_open("append")
            return []
        shares = _shares(entries)
        commands = [self._append([entries[place] for place in share], b"each") for share in shares]
        answers = self._ask("append", *commands, written=None)
        results: list[int | None] = [None] * len(entries)
        for share, answer in zip(shares, answers, strict=True):
            for place, at in zip(share, answer, strict=True):
                results[place] = _stored(at)
        return results

    def append_together(self, entries: Sequence[Entry]) -> list[int | None]:
        """Add all of them or none, by one script."""
        if not entries:
            self._calls.check_open("append_together")
            return []
        (answer,) = self._ask("append_together", self._append(entries, b"all"), written=None)
        return [_stored(at) for at in answer]

    def _append(self, entries: Sequence[Entry], which: bytes) -> tuple[Any, ...]:
        keys: list[bytes] = [self._keys.ids]
        values: list[Any] = [self._keys.channel, which]
        for entry in entries:
            row = entry.row
            keys += self._keys.of_versions(row.id)
            label = b"" if row.deleted else label_member(row.label, row.revision)
            packed = msgspec.msgpack.encode(
                (row.id, row.revision, row.label, row.saved_us, row.deleted, row.about)
            )
            values += [row.id, row.revision, packed, entry.body, row.saved_us, label]
        return _script(scripts.APPEND, keys, values)

    def remove(self, id: str, revisions: Sequence[int]) -> int:  # noqa: A002 -- as in the protocol
        """Remove old versions, a thousand in one act."""
        removed = 0
        wanted = sorted(set(revisions))
        for start in range(0, max(1, len(wanted)), _AT_ONCE):
            removed += self._remove(id, wanted[start : start + _AT_ONCE])
        return removed

    def _remove(self, id: str, revisions: Sequence[int]) -> int:  # noqa: A002 -- as above
        """Remove some. Their labels can be read before: a version does not change."""
        rows_key = self._keys.of_versions(id)[0]
        found = self._ask("remove", *(("ZRANGEBYSCORE", rows_key, each, each) for each in revisions))
        values: list[Any] = []
        for revision, packed in zip(revisions, found, strict=True):
            if packed:
                row = _row(id, revision, packed[0])
                values += [revision, label_member(row.label, revision)]
        if not values:
            return 0
        keys = [*self._keys.of_versions(id), self._keys.holds(id)]
        (removed,) = self._ask("remove", _script(scripts.REMOVE, keys, values), written=None)
        return int(removed)

    def put_snapshot(self, snapshot: SnapshotRow, items: Mapping[str, int]) -> list[str]:
        """Store a snapshot if its versions are there.

        Raises:
            SnapshotExistsError: there is one of this name.
        """
        names = list(items)
        keys = [self._keys.snapshots, self._keys.snapshot(snapshot.name)]
        for each in names:
            keys += [self._keys.of_versions(each)[0], self._keys.holds(each)]
        packed = msgspec.msgpack.encode(list(items.items()))
        values = [snapshot.name, snapshot.created_us, snapshot.about, packed, *items.values()]
        command = _script(scripts.PUT_SNAPSHOT, keys, values)
        (answer,) = self._ask("put_snapshot", command, written=None)
        if answer == -1:
            raise SnapshotExistsError(snapshot.name)
        return sorted(names[place] for place in answer)

    def drop_snapshot(self, name: str) -> bool:
        """Remove a snapshot."""
        key = self._keys.snapshot(name)
        for _ in range(_TRIES):
            (packed,) = self._ask("drop_snapshot", ("HGET", key, "items"))
            if packed is None:
                return False
            items = item_list(name, packed)
            keys = [self._keys.snapshots, key, *(self._keys.holds(each) for each, _ in items)]
            values = [name, packed, *(revision for _, revision in items)]
            (answer,) = self._ask("drop_snapshot", _script(scripts.DROP_SNAPSHOT, keys, values), written=None)
            if answer != -1:
                return bool(answer)
        raise StorageBusyError(NAME, "drop_snapshot", f"others drop and make {name!r} all the time")

    # -- reading

    def read(self, id: str, which: Which) -> Entry | None:  # noqa: A002 -- as in the protocol
        """Return one version."""
        command = _script(scripts.READ, self._keys.of_versions(id), _key(which))
        (answer,) = self._ask("read", command)
        if not answer:
            return None
        revision, packed, body = answer
        if packed is None or body is None:
            packed = b""
        return Entry(_row(id, int(revision), packed), body or b"")

    def rows(self, id: str, *, before: int | None = None, limit: int) -> list[Row]:  # noqa: A002 -- as above
        """Return versions of an id, the newest first."""
        rows, _, times, _ = self._keys.of_versions(id)
        most = "+inf" if before is None else f"({before}"
        (found,) = self._ask("read", _script(scripts.ROWS, [rows, times], [most, limit]))
        if found == [None]:
            raise StorageDamagedError(NAME, "read", f"the newest version of {id!r} is missing")
        pairs = zip(found[::2], found[1::2], strict=True)
        return [_row(id, int(float(revision)), packed) for packed, revision in pairs]

    def heads(self, *, after: str = "", limit: int) -> list[Row]:
        """Return the newest version of each id."""
        values = [_after(after), limit, self._keys.rows_prefix]
        (found,) = self._ask("read", _script(scripts.HEADS, [self._keys.ids], values))
        result = []
        for each, packed, revision in zip(found[::3], found[1::3], found[2::3], strict=True):
            try:
                id = each.decode()  # noqa: A001 -- as above
            except UnicodeDecodeError as error:
                raise StorageDamagedError(NAME, "read", f"an id is {each!r}") from error
            if packed is None:
                raise StorageDamagedError(NAME, "read", f"of {id!r} there is no version")
            result.append(_row(id, int(float(revision)), packed))
        return result

    def read_snapshot(self, name: str) -> SnapshotRow | None:
        """Return one snapshot."""
        command = ("HMGET", self._keys.snapshot(name), "created_us", "about")
        ((created_us, about),) = self._ask("read", command)
        return None if created_us is None and about is None else _snapshot(name, created_us, about)

    def snapshots(self, *, after: str = "", limit: int) -> list[SnapshotRow]:
        """Return snapshots sorted by name."""
        values = [_after(after), limit, self._keys.snapshot_prefix]
        (found,) = self._ask("read", _script(scripts.SNAPSHOTS, [self._keys.snapshots], values))
        return [_snapshot(*found[place : place + 3]) for place in range(0, len(found), 3)]

    def check(self) -> list[str]:
        """Look for what contradicts itself."""
        return self._calls.run("check", lambda connection: check(connection, self._keys))

    def subscribe(self, on_change: Callable[[str], object]) -> Callable[[], None]:
        """Have a function called with each id that changes."""
        self._calls.check_open("subscribe")
        return self._listener.add(on_change)

    def close(self) -> None:
        """Close the connections."""
        self._calls.close()
        self._listener.close()

    # -- inside

    def _ask(self, operation: str, *commands: Sequence[Any], written: bool | None = False) -> list[Any]:
        return self._calls.run(
            operation, lambda connection: ask(connection, operation, *commands, written=written)
        )


def _shares(entries: Sequence[Entry]) -> list[list[int]]:
    """Return the places of a batch in shares: an id is in one of them, and each ends once it is big."""
    shares: list[list[int]] = []
    size = _SHARE_BYTES
    for run in runs(entries):
        if size >= _SHARE_BYTES:
            shares.append([])
            size = 0
        places = [*run.fitting, *run.refused]
        shares[-1] += places
        size += sum(len(entries[place].body) for place in places)
    return shares


def _script(text: bytes, keys: Sequence[bytes], values: Sequence[Any]) -> tuple[Any, ...]:
    """Return the command that runs a script. Its text goes along: no server has to have kept it."""
    return ("EVAL", text, len(keys), *keys, *values)


def _stored(at: int) -> int | None:
    return None if at == -1 else at


def _key(which: Which) -> tuple[str, Any]:
    match which:
        case Latest():
            return "latest", ""
        case Revision(number):
            return "revision", number
        case Label(text):
            return "label", text
        case AsOf(us):
            return "time", us


def _after(name: str) -> bytes:
    return b"(" + name.encode() if name else b"-"


def _row(id: str, revision: int, packed: bytes) -> Row:  # noqa: A002 -- as above
    """Return what is packed; of what cannot be read only what its place says, so that it can be named."""
    try:
        return Row(*_ROW.decode(packed))
    except msgspec.MsgspecError:
        return Row(id, revision, "", 0, deleted=False, about=b"")


def _snapshot(name: bytes | str, created_us: bytes | None, about: bytes | None) -> SnapshotRow:
    try:
        text = name if isinstance(name, str) else name.decode()
        if about is None:
            raise StorageDamagedError(NAME, "read", f"of the snapshot {text!r} there is only a part")
        return SnapshotRow(text, int(created_us or b""), about)
    except ValueError as error:
        raise StorageDamagedError(NAME, "read", f"a snapshot cannot be read: {error}") from error

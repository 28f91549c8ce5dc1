"""What contradicts itself in a store in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dspex_actors.state._redis_keys import item_list
from dspex_actors.state._redis_line import ask
from dspex_actors.state._redis_scripts import COUNTS
from dspex_actors.state._storage_errors import StorageDamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from dspex_actors.state._redis_keys import Keys

_PAGE: Final = 500


def check(connection: redis.Connection, keys: Keys) -> list[str]:
    """Return a sentence for each finding. Others may write meanwhile: what they change is no finding."""
    return [*_versions(connection, keys), *_snapshots(connection, keys)]


def _members(connection: redis.Connection, key: bytes) -> Iterator[list[str]]:
    """Yield the members of a set of names, in pages."""
    after = b"-"
    while True:
        (found,) = ask(connection, "check", ("ZRANGEBYLEX", key, after, "+", "LIMIT", 0, _PAGE))
        if not found:
            return
        yield [each.decode("utf-8", "surrogateescape") for each in found]
        after = b"(" + found[-1]


def _versions(connection: redis.Connection, keys: Keys) -> Iterator[str]:
    for page in _members(connection, keys.ids):
        known = [each for each in page if each.isprintable() or each.encode("utf-8", "replace")]
        commands = [("EVAL", COUNTS, 3, *keys.of_versions(each)[:3]) for each in known]
        for each, (rows, bodies, times) in zip(known, ask(connection, "check", *commands), strict=True):
            if not rows:
                yield f"of {each!r} there is no version"
            elif not rows == bodies == times:
                yield f"of {each!r} there are {rows} rows, {bodies} bodies and {times} times"


def _snapshots(connection: redis.Connection, keys: Keys) -> Iterator[str]:
    for page in _members(connection, keys.snapshots):
        for name in page:
            (packed,) = ask(connection, "check", ("HGET", keys.snapshot(name), "items"))
            if packed is None:
                yield f"of the snapshot {name!r} there is only the name"
                continue
            try:
                items = item_list(name, packed)
            except StorageDamagedError as error:
                yield error.reason
                continue
            commands: list[tuple[Any, ...]] = []
            for each, revision in items:
                commands.append(("ZCOUNT", keys.of_versions(each)[0], revision, revision))
                commands.append(("HEXISTS", keys.holds(each), revision))
            found = ask(connection, "check", *commands)
            if not all(found[::2]):
                yield f"the snapshot {name!r} names a version that is not there"
            elif not all(found[1::2]):
                yield f"the snapshot {name!r} names a version that it does not hold"

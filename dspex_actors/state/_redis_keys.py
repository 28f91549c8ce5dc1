"""Names of the keys of a store in Redis, and what its members hold beside names."""

from __future__ import annotations

from typing import Final

import msgspec

from dspex_actors.state._redis_errors import NAME
from dspex_actors.state._storage_errors import StorageDamagedError

_ITEMS: Final = msgspec.msgpack.Decoder(list[tuple[str, int]])


class Keys:
    """The keys of one store; `_redis_scripts` says what each holds.

    Args:
        prefix: distinguishes stores on one server.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = b"{" + prefix.encode() + b"}"
        self.ids = self.prefix + b":ids"
        self.channel = self.prefix + b":changes"
        self.snapshots = self.prefix + b":snapshots"
        self.rows_prefix = self.prefix + b":rows:"
        self.snapshot_prefix = self.prefix + b":snapshot:"

    def of_versions(self, id: str) -> tuple[bytes, bytes, bytes, bytes]:  # noqa: A002 -- the word of the library
        """Return the keys of an id's rows, bodies, times and labels."""
        name = id.encode()
        return (
            self.rows_prefix + name,
            self.prefix + b":bodies:" + name,
            self.prefix + b":times:" + name,
            self.prefix + b":labels:" + name,
        )

    def holds(self, id: str) -> bytes:  # noqa: A002 -- as above
        """Return the key of what snapshots hold of an id."""
        return self.prefix + b":holds:" + id.encode()

    def snapshot(self, name: str) -> bytes:
        """Return the key of a snapshot."""
        return self.snapshot_prefix + name.encode()


def label_member(label: str, revision: int) -> bytes:
    """Return what stands for a version among the labels: sorted by label, then by revision."""
    return label.encode() + b"\0%016d" % revision


def item_list(name: str, packed: bytes) -> list[tuple[str, int]]:
    """Return the ids and revisions of a snapshot.

    Raises:
        StorageDamagedError: the bytes are none.
    """
    try:
        return _ITEMS.decode(packed)
    except msgspec.MsgspecError as error:
        reason = f"the items of the snapshot {name!r} cannot be read: {error}"
        raise StorageDamagedError(NAME, "read", reason) from error

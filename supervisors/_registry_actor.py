"""The actors behind a `Registry`: a supervisor, and one actor a partition that vouches for its entries.

Nobody calls them: entries are written and read in the calling threads. They are there to be linked to. A
partition that ends takes its entries along, and the owners, linked to it, end too and register anew when
their supervisors start them again.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from supervisors._child_spec import SupervisorFlags, SupervisorInit
from supervisors._gen_server import GenServer
from supervisors._key_lock import KeyLocks
from supervisors._registry_tables import Registration, Shard
from supervisors._signals import Exit
from supervisors._supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from supervisors._reasons import ExitReason
    from supervisors._registry import Registry
    from supervisors._system import System
    from supervisors._types import Message, Reply


class Tables:
    """What one incarnation of a registry holds; a shard is None while its partition is not running."""

    def __init__(self, system: System, partitions: int, meta: dict[Hashable, Any]) -> None:
        self.system = system
        self.shards: list[Shard | None] = [None] * partitions
        self.locks = KeyLocks()
        self.meta_lock = threading.Lock()
        self.meta = dict(meta)


class RegistryKeeper(Supervisor):
    """The supervisor of a registry's partitions."""

    def init(self, registry: Registry) -> Reply:  # type: ignore[override]  # a handle makes it, nobody else
        """Bind the tables to the handle, then start the partitions."""
        tables = Tables(self.system, registry.partitions, registry.initial_meta)
        registry.bind(self, tables)
        children = [
            RegistryPartition.child_spec(tables, index, registry.on_exit, id=index)
            for index in range(registry.partitions)
        ]
        return SupervisorInit(SupervisorFlags(), tuple(children))


class RegistryPartition(GenServer):
    """The actor that the owners of one partition's entries are linked to."""

    trap_exit = True

    def init(
        self,
        tables: Tables,
        index: int,
        on_exit: Callable[[list[Registration], ExitReason], object] | None,
    ) -> Reply:
        """Put an empty shard into the tables; it is taken out before anybody is told of the end."""
        shard = tables.shards[index] = Shard(self.pid, on_exit)
        self.pid.on_release(partial(_withdraw, tables, index, shard))

    def handle_info(self, message: Message) -> Reply:
        """Drop the exits of owners: what they held is gone already."""
        return None if isinstance(message, Exit) else super().handle_info(message)


def _withdraw(tables: Tables, index: int, shard: Shard) -> None:
    if tables.shards[index] is shard:
        tables.shards[index] = None

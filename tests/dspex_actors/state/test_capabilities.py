"""What each backend declares to be able to do; where it is proved is said beside each.

| capability | there | missing |
|---|---|---|
| DURABLE | the tests of killed writers and servers | a Redis without a log forgets; a `Memory` is one table |
| SHARED | processes that count together | a `Memory` cannot be pickled into another process |
| TRANSACTIONS | the contract suite | the contract suite: `append_together` is refused |
| NOTIFIES | the contract suite | the contract suite: no `subscribe`; who watches looks by itself |
| READS_AT_ONCE | the tests of loads in the caller's thread | a server is reached by a network |
"""

from __future__ import annotations

import pytest

from dspex_actors.state import Capability, FileSystem, Memory, Postgres, Redis, Sqlite

ALL = frozenset(Capability)
LACKS = {
    Memory(): {Capability.DURABLE, Capability.SHARED},
    FileSystem(path="states"): {Capability.TRANSACTIONS, Capability.NOTIFIES},
    FileSystem(path="states", flush=False): {Capability.TRANSACTIONS, Capability.NOTIFIES},
    Sqlite(path="states.db"): {Capability.NOTIFIES},
    Sqlite(path="states.db", durability="full"): {Capability.NOTIFIES},
    Redis(url="redis://localhost"): {Capability.READS_AT_ONCE},
    Redis(url="redis://localhost", durability="everysec"): {Capability.READS_AT_ONCE},
    Redis(url="redis://localhost", durability="server"): {Capability.DURABLE, Capability.READS_AT_ONCE},
    Postgres(dsn="dbname=states"): {Capability.READS_AT_ONCE},
    Postgres(dsn="dbname=states", durability="normal"): {Capability.READS_AT_ONCE},
    Postgres(dsn="dbname=states", watch="poll"): {Capability.READS_AT_ONCE},
}


@pytest.mark.parametrize(("backend", "lacks"), LACKS.items(), ids=map(repr, LACKS))
def test_a_backend_declares_what_it_can_do_and_nothing_that_it_lacks(backend, lacks):
    assert backend.capabilities == ALL - lacks

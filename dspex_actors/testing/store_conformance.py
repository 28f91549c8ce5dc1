"""The contract of a backend of the state store, as tests: subclass it, say how to make one, run pytest.

    from dspex_actors.testing.store_conformance import StoreConformance

    class TestMine(StoreConformance):
        def make_backend(self, folder):
            return Mine(folder / "database")

A test gets a folder of its own from pytest. `make_backend` returns a backend on an empty database that no
other test uses; calling it again with the same folder returns one on the same database, as another process
would make it. What a backend does not declare among its capabilities is checked to be refused.

Nothing here needs pytest itself: every test is a method that takes a folder, and fails by AssertionError.
"""

from __future__ import annotations

from dspex_actors.testing._conformance_changes import ChangesContract
from dspex_actors.testing._conformance_reading import ReadingContract
from dspex_actors.testing._conformance_snapshots import SnapshotsContract
from dspex_actors.testing._conformance_writing import WritingContract

__all__ = ["StoreConformance"]


class StoreConformance(WritingContract, ReadingContract, SnapshotsContract, ChangesContract):
    """Every rule of `dspex_actors.state.Storage`, as a test for each."""

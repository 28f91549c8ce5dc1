"""The part of the contract about snapshots: they are whole, do not change, and hold what they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dspex_actors.state import Capability, SnapshotExistsError
from dspex_actors.testing._conformance import START_US, Contract, entry, fill, refusal, snapshot

if TYPE_CHECKING:
    from pathlib import Path


class SnapshotsContract(Contract):
    """`put_snapshot`, `read_snapshot`, `snapshots` and `drop_snapshot`."""

    def test_a_snapshot_is_read_back_as_it_was(self, tmp_path: Path) -> None:
        first = snapshot("é" * 128, created_us=START_US + 7)
        with self.opened(tmp_path) as storage:
            fill(storage, "a")
            assert storage.put_snapshot(first, {"a": 2}) == []
            assert storage.read_snapshot(first.name) == first
            assert storage.read_snapshot("other") is None

    def test_a_snapshot_may_be_empty(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as storage:
            assert storage.put_snapshot(snapshot(), {}) == []
            assert storage.read_snapshot("s") == snapshot()

    def test_a_snapshot_of_two_hundred_ids_is_stored_and_holds_each(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as storage:
            items = {f"id {number:04d}": 1 for number in range(200)}
            storage.append([entry(each, revision) for each in items for revision in (1, 2)])
            assert storage.put_snapshot(snapshot(), items) == []
            assert storage.remove("id 0000", [1]) == storage.remove("id 0199", [1]) == 0

    def test_a_name_that_is_taken_is_refused_and_the_first_snapshot_stays(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as storage:
            fill(storage, "a")
            storage.put_snapshot(snapshot(), {"a": 1})
            error = refusal(
                SnapshotExistsError, lambda: storage.put_snapshot(snapshot(created_us=5), {"a": 2})
            )
            assert error.name == "s"
            assert storage.read_snapshot("s") == snapshot()
            assert storage.remove("a", [1, 2]) == 1

    def test_a_snapshot_of_versions_that_are_not_there_is_not_stored(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as storage:
            fill(storage, "a", 3)
            storage.remove("a", [2])
            assert storage.put_snapshot(snapshot(), {"b": 1, "a": 2}) == ["a", "b"]
            assert storage.read_snapshot("s") is None
            assert storage.put_snapshot(snapshot(), {"a": 3}) == []

    def test_snapshots_are_listed_by_name_in_pages(self, tmp_path: Path) -> None:
        names = ["B", "a", "a1", "b", "ä"]
        with self.opened(tmp_path) as storage:
            for name in reversed(names):
                storage.put_snapshot(snapshot(name), {})
            assert storage.snapshots(limit=9) == [snapshot(name) for name in names]
            assert storage.snapshots(limit=2) == [snapshot("B"), snapshot("a")]
            assert storage.snapshots(after="a", limit=2) == [snapshot("a1"), snapshot("b")]
            assert storage.snapshots(after="ä", limit=2) == []

    def test_a_version_is_held_until_the_last_snapshot_of_it_is_dropped(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as storage:
            fill(storage, "a", 3)
            fill(storage, "b", 3)
            for name in ("one", "two"):
                storage.put_snapshot(snapshot(name), {"a": 1})
            assert storage.remove("a", [1, 2]) == 1
            assert storage.remove("b", [1, 2]) == 2
            assert storage.drop_snapshot("one") is True
            assert storage.remove("a", [1]) == 0
            assert storage.drop_snapshot("two") is True
            assert storage.remove("a", [1]) == 1

    def test_a_dropped_snapshot_is_gone_and_its_name_is_free(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as storage:
            fill(storage, "a")
            storage.put_snapshot(snapshot(), {"a": 1})
            assert storage.drop_snapshot("s") is True
            assert storage.drop_snapshot("s") is False
            assert storage.read_snapshot("s") is None
            assert storage.snapshots(limit=9) == []
            assert len(storage.rows("a", limit=9)) == 3
            assert storage.put_snapshot(snapshot(created_us=9), {"a": 2}) == []
            assert storage.read_snapshot("s") == snapshot(created_us=9)

    def test_snapshots_are_there_when_the_database_is_opened_again(self, tmp_path: Path) -> None:
        if Capability.DURABLE not in self.make_backend(tmp_path).capabilities:
            return
        with self.opened(tmp_path) as storage:
            fill(storage, "a")
            storage.put_snapshot(snapshot(), {"a": 1})
        with self.opened(tmp_path) as storage:
            assert storage.read_snapshot("s") == snapshot()
            assert storage.remove("a", [1]) == 0

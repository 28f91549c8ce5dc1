"""The part of the contract about finding, listing and removing versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dspex_actors.state import AsOf, Label, Latest, Revision, StorageError
from dspex_actors.testing._conformance import START_US, Contract, entry, fill, refusal, snapshot

if TYPE_CHECKING:
    from pathlib import Path


class ReadingContract(Contract):
    """`read`, `rows`, `heads` and `remove`."""

    def test_of_an_id_that_was_never_saved_there_is_nothing(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as storage:
            fill(storage, "a")
            for which in (Latest(), Revision(1), Label("v1"), AsOf(2**53 - 1)):
                assert storage.read("b", which) is None
            assert storage.rows("b", limit=9) == []

    def test_a_version_is_found_by_being_the_latest_or_by_its_revision(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as storage:
            entries = fill(storage, count=12)
            assert storage.read("a", Latest()) == entries[-1]
            assert [storage.read("a", Revision(n)) for n in (1, 9, 10, 12)] == [
                entries[n - 1] for n in (1, 9, 10, 12)
            ]
            assert [storage.read("a", Revision(n)) for n in (-1, 0, 13, 2**40)] == [None] * 4

    def test_of_several_versions_with_one_label_the_newest_is_found(self, tmp_path: Path) -> None:
        labels = ["x", "y", "x", "z"]
        entries = [entry(revision=n, label=label) for n, label in enumerate(labels, 1)]
        with self.opened(tmp_path) as storage:
            storage.append([*entries, entry("b", label="x")])
            assert storage.read("a", Label("x")) == entries[2]
            assert storage.read("a", Label("y")) == entries[1]
            assert storage.read("a", Label("X")) is None
            assert storage.read("a", Label("")) is None

    def test_a_deletion_is_not_found_by_the_label_that_it_bears(self, tmp_path: Path) -> None:
        first = entry(label="x")
        with self.opened(tmp_path) as storage:
            storage.append([first, entry(revision=2, label="x", deleted=True)])
            assert storage.read("a", Label("x")) == first

    def test_at_a_time_the_version_is_found_that_was_the_latest_then(self, tmp_path: Path) -> None:
        times = [START_US, START_US + 10, START_US + 11]
        entries = [entry(revision=n, saved_us=us) for n, us in enumerate(times, 1)]
        with self.opened(tmp_path) as storage:
            storage.append(entries)
            found = {us: storage.read("a", AsOf(START_US + us)) for us in (-1, 0, 9, 10, 11, 10**9)}
        assert found == {
            -1: None,
            0: entries[0],
            9: entries[0],
            10: entries[1],
            11: entries[2],
            10**9: entries[2],
        }

    def test_a_deletion_is_found_at_its_time_and_as_the_latest(self, tmp_path: Path) -> None:
        gone = entry(revision=2, deleted=True)
        with self.opened(tmp_path) as storage:
            storage.append([entry(), gone])
            assert storage.read("a", AsOf(START_US + 2)) == storage.read("a", Latest()) == gone

    def test_the_versions_of_an_id_are_listed_from_the_newest_in_pages(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as storage:
            fill(storage, "b", 2)
            rows = [each.row for each in fill(storage, "a", 12)][::-1]
            assert storage.rows("a", limit=99) == rows
            assert storage.rows("a", limit=5) == rows[:5]
            assert storage.rows("a", before=8, limit=5) == rows[5:10]
            assert storage.rows("a", before=3, limit=5) == rows[10:]
            assert storage.rows("a", before=1, limit=5) == []

    def test_the_newest_versions_of_all_ids_are_listed_by_id_in_pages(self, tmp_path: Path) -> None:
        ids = ["B", "a", "a b", "aa", "b", "ä", "\U0001f600"]
        with self.opened(tmp_path) as storage:
            rows = [fill(storage, each, 2)[-1].row for each in reversed(ids)][::-1]
            assert storage.heads(limit=99) == rows
            assert storage.heads(limit=3) == rows[:3]
            assert storage.heads(after="a b", limit=2) == rows[3:5]
            assert storage.heads(after="a!", limit=1) == rows[3:4]
            assert storage.heads(after="\U0001f600", limit=9) == []

    def test_removed_versions_are_gone_and_the_others_are_as_they_were(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as storage:
            entries = fill(storage, count=5)
            assert storage.remove("a", [1, 3, 9]) == 2
            assert [row.revision for row in storage.rows("a", limit=9)] == [5, 4, 2]
            assert [storage.read("a", Revision(n)) for n in (1, 2, 3, 4)] == [
                None,
                entries[1],
                None,
                entries[3],
            ]
            assert storage.read("a", AsOf(START_US + 3)) == entries[1]
            assert storage.read("a", AsOf(START_US + 1)) is None
            assert storage.read("a", Label("v1")) is None

    def test_once_the_newest_version_with_a_label_is_removed_the_one_before_it_is_found(
        self, tmp_path: Path
    ) -> None:
        entries = [entry(revision=n, label=label) for n, label in enumerate("xxy", 1)]
        with self.opened(tmp_path) as storage:
            storage.append(entries)
            assert storage.remove("a", [2]) == 1
            assert storage.read("a", Label("x")) == entries[0]

    def test_the_newest_version_is_never_removed_and_the_count_goes_on(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as storage:
            fill(storage, count=3)
            assert storage.remove("a", [1, 2, 3]) == 2
            assert storage.remove("a", [1, 2, 3]) == 0
            assert storage.append([entry(revision=1)]) == [3]
            assert storage.append([entry(revision=4)]) == [None]
            assert storage.remove("a", [3]) == 1

    def test_removing_what_was_never_there_or_nothing_removes_nothing(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as storage:
            fill(storage)
            assert storage.remove("b", [1]) == 0
            assert storage.remove("a", []) == 0
            assert len(storage.rows("a", limit=9)) == 3

    def test_a_closed_storage_refuses_every_operation_and_closes_twice(self, tmp_path: Path) -> None:
        storage = self.make_backend(tmp_path).open()
        storage.close()
        storage.close()
        for operation in (
            lambda: storage.append([entry()]),
            lambda: storage.read("a", Latest()),
            lambda: storage.rows("a", limit=1),
            lambda: storage.heads(limit=1),
            lambda: storage.remove("a", [1]),
            lambda: storage.put_snapshot(snapshot(), {}),
            lambda: storage.snapshots(limit=1),
            lambda: storage.read_snapshot("s"),
            lambda: storage.drop_snapshot("s"),
            storage.check,
        ):
            assert refusal(StorageError, operation).written is False

    def test_a_sound_database_gives_no_findings(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as storage:
            fill(storage)
            assert storage.check() == []

"""The part of the contract about writing: one chain for each id, and nothing stored by half."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from dspex_actors.state import Capability, Latest, Revision, StorageError
from dspex_actors.testing._conformance import START_US, Contract, entry, fill, refusal

if TYPE_CHECKING:
    from pathlib import Path

    from dspex_actors.state import Backend, Storage

_THREADS = 4
_EACH = 20
_BIG = bytes(range(256)) * 4096  # 1 MiB


class WritingContract(Contract):
    """`append` and `append_together`."""

    def test_a_version_that_was_appended_is_read_back_as_it_was(self, tmp_path: Path) -> None:
        first = entry(label="1.0.0", body=bytes(range(256)))
        with self.opened(tmp_path) as storage:
            assert storage.append([first]) == [None]
            assert storage.read("a", Latest()) == first

    def test_an_empty_body_and_one_of_a_mebibyte_are_read_back(self, tmp_path: Path) -> None:
        entries = [entry(body=b""), entry(revision=2, body=_BIG)]
        with self.opened(tmp_path) as storage:
            assert storage.append(entries) == [None, None]
            assert [storage.read("a", Revision(n)) for n in (1, 2)] == entries

    def test_texts_of_any_language_and_of_full_length_come_back_as_they_were(self, tmp_path: Path) -> None:
        texts = [
            "x" * 256,
            "é" * 128,
            "\U0001f600" * 64,
            "../a/b",
            "a\nb\t",
            " ",
            "%00",
            "a:b{c}*",
            "A",
            "a~",
        ]
        entries = [entry(text, label=text) for text in texts]
        with self.opened(tmp_path) as storage:
            assert storage.append(entries) == [None] * len(texts)
            assert [storage.read(text, Latest()) for text in texts] == entries
            assert [row.id for row in storage.heads(limit=99)] == sorted(texts)

    def test_an_empty_label_and_the_first_and_last_time_are_kept(self, tmp_path: Path) -> None:
        entries = [entry(label="", saved_us=0), entry(revision=2, saved_us=2**53 - 1)]
        with self.opened(tmp_path) as storage:
            assert storage.append(entries) == [None, None]
            assert [storage.read("a", Revision(n)) for n in (1, 2)] == entries

    def test_the_first_version_of_an_id_has_the_revision_one(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as storage:
            assert storage.append([entry(revision=2)]) == [0]
            assert storage.read("a", Latest()) is None

    def test_a_version_that_its_id_does_not_wait_for_is_not_stored(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as storage:
            entries = fill(storage, count=3)
            for wrong in (1, 2, 3, 5):
                assert storage.append([entry(revision=wrong, body=b"other")]) == [3]
            assert [storage.read("a", Revision(n)) for n in (1, 2, 3, 5)] == [*entries, None]

    def test_each_version_of_one_call_has_a_result_of_its_own(self, tmp_path: Path) -> None:
        batch = [entry("a", 1), entry("b", 2), entry("a", 2), entry("c", 1), entry("a", 2)]
        with self.opened(tmp_path) as storage:
            assert storage.append(batch) == [None, 0, None, None, 2]
            assert [row.revision for row in storage.heads(limit=9)] == [2, 1]

    def test_what_follows_a_version_that_was_not_stored_is_not_stored_either(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as storage:
            fill(storage, "a", 2)
            batch = [entry("a", 2), entry("a", 3), entry("b", 1), entry("a", 3)]
            assert storage.append(batch) == [2, 2, None, 2]
            assert storage.append([entry("a", 3)]) == [None]

    def test_appending_nothing_does_nothing_and_is_allowed(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as storage:
            assert storage.append([]) == []
            assert storage.heads(limit=9) == []

    def test_what_was_appended_is_there_when_the_database_is_opened_again(self, tmp_path: Path) -> None:
        if Capability.DURABLE not in self.make_backend(tmp_path).capabilities:
            return
        with self.opened(tmp_path) as storage:
            entries = fill(storage, count=3)
        with self.opened(tmp_path) as storage:
            assert [storage.read("a", Revision(n)) for n in (1, 2, 3)] == entries
            assert storage.append([entry(revision=4)]) == [None]

    def test_writers_in_many_threads_make_one_chain_without_a_gap(self, tmp_path: Path) -> None:
        backend = self.make_backend(tmp_path)
        wins: list[int] = []
        failures: list[BaseException] = []
        threads = [
            threading.Thread(target=_write, args=(backend, number, wins, failures))
            for number in range(_THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        for failure in failures:
            raise failure
        assert sorted(wins) == list(range(1, _THREADS * _EACH + 1))
        storage = backend.open()
        try:
            rows = storage.rows("a", limit=10**6)
        finally:
            storage.close()
        assert [row.revision for row in rows] == list(range(_THREADS * _EACH, 0, -1))

    def test_versions_appended_together_are_all_stored(self, tmp_path: Path) -> None:
        if not self._has_transactions(tmp_path):
            return
        batch = [entry("a", 1), entry("a", 2), entry("b", 1)]
        with self.opened(tmp_path) as storage:
            assert storage.append_together(batch) == [None, None, None]
            assert [row.revision for row in storage.heads(limit=9)] == [2, 1]

    def test_versions_appended_together_are_none_stored_if_one_does_not_fit(self, tmp_path: Path) -> None:
        if not self._has_transactions(tmp_path):
            return
        with self.opened(tmp_path) as storage:
            fill(storage, "b", 3)
            assert storage.append_together([entry("a", 1), entry("b", 3), entry("c", 1)]) == [None, 3, None]
            assert [(row.id, row.revision) for row in storage.heads(limit=9)] == [("b", 3)]

    def test_a_backend_without_transactions_refuses_to_append_together(self, tmp_path: Path) -> None:
        if self._has_transactions(tmp_path):
            return
        with self.opened(tmp_path) as storage:
            error = refusal(StorageError, lambda: storage.append_together([entry()]))
            assert error.written is False
            assert storage.read("a", Latest()) is None

    def test_a_deletion_is_a_version_like_any_other(self, tmp_path: Path) -> None:
        deletion = entry(revision=2, deleted=True, body=b"")
        with self.opened(tmp_path) as storage:
            storage.append([entry(), deletion, entry(revision=3)])
            assert storage.read("a", Revision(2)) == deletion
            assert [row.deleted for row in storage.rows("a", limit=9)] == [False, True, False]

    def _has_transactions(self, folder: Path) -> bool:
        return Capability.TRANSACTIONS in self.make_backend(folder).capabilities


def _write(backend: Backend, number: int, wins: list[int], failures: list[BaseException]) -> None:
    """Append versions of one id, each after whatever is the newest by then."""
    try:
        storage = backend.open()
        try:
            wins.extend(_append_next(storage, number) for _ in range(_EACH))
        finally:
            storage.close()
    except BaseException as error:  # noqa: BLE001 -- the test shows what a thread raised
        failures.append(error)


def _append_next(storage: Storage, number: int) -> int:
    head = storage.read("a", Latest())
    at = 0 if head is None else head.row.revision
    while True:
        mine = entry(revision=at + 1, saved_us=START_US + at, body=b"%d" % number)
        (actual,) = storage.append([mine])
        if actual is None:
            return at + 1
        assert actual > at, (actual, at)
        at = actual

"""The part of the contract about several who use one database, and about being told of changes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from dspex_actors.state import Capability, Latest, Notifying
from dspex_actors.testing._conformance import Contract, entry, fill, snapshot

if TYPE_CHECKING:
    from pathlib import Path

_OPENERS = 6
_CEILING_S = 10.0  # only a failing test sees it


class ChangesContract(Contract):
    """Two storages on one database, and `subscribe`."""

    def test_two_storages_on_one_database_see_what_the_other_wrote(self, tmp_path: Path) -> None:
        backend = self.make_backend(tmp_path)
        one, other = backend.open(), backend.open()
        try:
            fill(one, "a", 2)
            assert other.read("a", Latest()) == entry("a", 2)
            assert other.append([entry("a", 3)]) == [None]
            assert one.append([entry("a", 3)]) == [3]
            other.put_snapshot(snapshot(), {"a": 1})
            assert one.remove("a", [1]) == 0
            assert one.drop_snapshot("s") is True
            assert other.remove("a", [1]) == 1
        finally:
            one.close()
            other.close()

    def test_many_may_open_a_database_at_once_that_is_not_there_yet(self, tmp_path: Path) -> None:
        backend = self.make_backend(tmp_path)
        together = threading.Barrier(_OPENERS)
        failures: list[BaseException] = []

        def use(number: int) -> None:
            try:
                together.wait(_CEILING_S)
                storage = backend.open()
                try:
                    assert storage.append([entry(f"id {number}")]) == [None]
                finally:
                    storage.close()
            except BaseException as error:  # noqa: BLE001 -- the test shows what a thread raised
                failures.append(error)

        threads = [threading.Thread(target=use, args=(number,)) for number in range(_OPENERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        for failure in failures:
            raise failure
        with self.opened(tmp_path) as storage:
            assert [row.id for row in storage.heads(limit=99)] == [f"id {n}" for n in range(_OPENERS)]

    def test_closing_one_storage_leaves_the_other_working(self, tmp_path: Path) -> None:
        backend = self.make_backend(tmp_path)
        one, other = backend.open(), backend.open()
        try:
            fill(one, "a", 1)
            one.close()
            assert other.append([entry("a", 2)]) == [None]
        finally:
            one.close()
            other.close()

    def test_a_storage_may_go_from_one_thread_to_another(self, tmp_path: Path) -> None:
        with self.opened(tmp_path) as storage:
            fill(storage, "a", 1)
            results: list[object] = []
            thread = threading.Thread(target=lambda: results.append(storage.append([entry("a", 2)])))
            thread.start()
            thread.join()
            assert results == [[None]]
            assert storage.read("a", Latest()) == entry("a", 2)

    def test_a_backend_says_its_name_and_its_capabilities(self, tmp_path: Path) -> None:
        backend = self.make_backend(tmp_path)
        assert backend.name.isidentifier()
        assert {type(each) for each in backend.capabilities} <= {Capability}
        storage = backend.open()
        try:
            notifies = Capability.NOTIFIES in backend.capabilities
            assert isinstance(storage, Notifying) is notifies
        finally:
            storage.close()

    def test_a_subscriber_is_told_of_what_another_storage_appends_until_it_ends(self, tmp_path: Path) -> None:
        backend = self.make_backend(tmp_path)
        if Capability.NOTIFIES not in backend.capabilities:
            return
        told: dict[str, threading.Event] = {each: threading.Event() for each in "abc"}
        one, other = backend.open(), backend.open()
        try:
            assert isinstance(one, Notifying)
            end = one.subscribe(lambda each: told[each].set() if each in told else None)
            other.append([entry("a", 1), entry("b", 2)])
            assert told["a"].wait(_CEILING_S)
            one.append([entry("b", 1)])
            assert told["b"].wait(_CEILING_S)
            end()
            other.append([entry("c", 1)])
            assert other.read("c", Latest()) == entry("c", 1)
            assert not told["c"].is_set()
        finally:
            one.close()
            other.close()

"""The backend in memory keeps the contract, and its table outlives the storages on it."""

from __future__ import annotations

import pickle

import pytest

from dspex_actors.state import Latest, Memory
from dspex_actors.testing._conformance import entry
from dspex_actors.testing.store_conformance import StoreConformance


class TestMemory(StoreConformance):
    @pytest.fixture(autouse=True)
    def _tables(self):
        self.tables = {}

    def make_backend(self, folder):
        return self.tables.setdefault(folder, Memory())


def test_the_table_of_a_memory_outlives_every_storage_that_was_opened_on_it():
    memory = Memory()
    first = memory.open()
    first.append([entry()])
    first.close()

    assert memory.open().read("a", Latest()) == entry()


def test_what_is_not_durable_or_shared_is_not_in_another_table():
    first, other = Memory().open(), Memory().open()
    first.append([entry()])

    assert other.read("a", Latest()) is None


def test_a_memory_cannot_be_pickled_into_another_process():
    with pytest.raises(TypeError, match="belongs to this process"):
        pickle.dumps(Memory())

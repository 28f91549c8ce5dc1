"""A server that goes away: what is tried again, what fails, and what is said about what may be written."""

from __future__ import annotations

import threading
import uuid

import pytest

from dspex_actors.state import (
    Latest,
    Revision,
    States,
    StorageUnavailableError,
    StoreConfig,
)
from dspex_actors.testing._conformance import entry, fill, snapshot
from tests.integration.state._cutter import Cutter
from tests.integration.state._kinds import backend_on
from tests.integration.state._processes import CEILING_S

pytestmark = pytest.mark.may_leak(reason="the server of the session is killed and started again")

SHORT_S = 0.3  # how long a server that does not answer is waited for


@pytest.fixture(scope="session")
def server(mortal_server):
    return mortal_server


@pytest.fixture
def name():
    return f"test_{uuid.uuid4().hex}"


@pytest.fixture
def cutter(server):
    with Cutter(server.address) as cutter:
        yield cutter


@pytest.fixture
def opened():
    """Open backends, and close the storages at the end."""
    storages = []

    def open_(backend):
        storages.append(backend.open())
        return storages[-1]

    yield open_
    for each in storages:
        each.close()


def test_a_save_whose_answer_was_lost_may_have_been_written_and_here_it_was(server, name, cutter, opened):
    storage = opened(backend_on(server, name, cutter.folder))
    fill(storage, count=1)
    cutter.cut_the_answer()
    with pytest.raises(StorageUnavailableError, match="may have been written, or not") as caught:
        storage.append([entry(revision=2)])
    assert caught.value.written is None
    assert storage.read("a", Latest()) == entry(revision=2)


def test_a_save_that_was_lost_on_its_way_may_have_been_written_and_was_not(server, name, cutter, opened):
    storage = opened(backend_on(server, name, cutter.folder))
    fill(storage, count=1)
    cutter.cut_the_request()
    with pytest.raises(StorageUnavailableError) as caught:
        storage.append([entry(revision=2)])
    assert caught.value.written is None
    assert storage.read("a", Latest()) == entry(revision=1)
    assert storage.append([entry(revision=2)]) == [None]


@pytest.mark.parametrize("half", ["cut_the_request", "cut_the_answer"])
def test_a_read_that_was_lost_is_done_again_at_once(server, name, cutter, opened, half):
    storage = opened(backend_on(server, name, cutter.folder))
    entries = fill(storage)
    for read in (
        lambda: storage.read("a", Revision(2)) == entries[1],
        lambda: len(storage.rows("a", limit=9)) == 3,
        lambda: len(storage.heads(limit=9)) == 1,
        lambda: storage.snapshots(limit=9) == [],
        lambda: storage.check() == [],
    ):
        before = cutter.cuts
        getattr(cutter, half)()
        assert read()
        assert cutter.cuts == before + 1


def test_a_read_that_is_lost_again_fails_and_says_that_nothing_was_written(server, name, cutter, opened):
    storage = opened(backend_on(server, name, cutter.folder))
    fill(storage)
    cutter.cut_the_request(times=99)
    with pytest.raises(StorageUnavailableError) as caught:
        storage.read("a", Latest())
    assert caught.value.written is False


@pytest.mark.parametrize("half", ["cut_the_request", "cut_the_answer"])
@pytest.mark.parametrize("after", range(5))
def test_wherever_a_change_in_several_steps_is_cut_what_is_said_of_it_is_true(
    server, name, cutter, opened, half, after
):
    storage = opened(backend_on(server, name, cutter.folder))
    fill(storage, count=4)
    storage.put_snapshot(snapshot("gone"), {"a": 1})
    changes = {
        "append": (
            lambda: storage.append([entry(revision=5)]),
            lambda: storage.read("a", Revision(5)) is not None,
        ),
        "append_together": (
            lambda: storage.append_together([entry("b", 1), entry("c", 1)]),
            lambda: len(storage.heads(limit=9)) == 3,
        ),
        "put_snapshot": (
            lambda: storage.put_snapshot(snapshot(), {"a": 2}),
            lambda: storage.read_snapshot("s") is not None,
        ),
        "remove": (lambda: storage.remove("a", [3]), lambda: storage.read("a", Revision(3)) is None),
        "drop_snapshot": (
            lambda: storage.drop_snapshot("gone"),
            lambda: storage.read_snapshot("gone") is None,
        ),
    }
    for change, is_done in changes.values():
        getattr(cutter, half)(after=after)
        said = True
        try:
            change()
        except StorageUnavailableError as error:
            said = error.written
        cutter.cut_nothing()
        assert said is None or is_done() is said


def test_while_the_server_is_away_every_call_fails_at_once_and_nothing_was_written(server, name, opened):
    storage = opened(backend_on(server, name))
    fill(storage)
    server.kill()
    try:
        for call in (
            lambda: storage.append([entry(revision=4)]),
            lambda: storage.append_together([entry(revision=4)]),
            lambda: storage.read("a", Latest()),
            lambda: storage.remove("a", [1]),
            lambda: storage.put_snapshot(snapshot(), {}),
            lambda: storage.drop_snapshot("s"),
            lambda: backend_on(server, name).open(),
        ):
            with pytest.raises(StorageUnavailableError) as caught:
                call()
            assert caught.value.written is False
    finally:
        server.start()
    assert len(storage.rows("a", limit=9)) == 3
    assert storage.append([entry(revision=4)]) == [None]


def test_a_connection_that_died_while_nobody_used_it_costs_no_call(server, name, opened):
    storage = opened(backend_on(server, name))
    fill(storage, count=1)
    server.kill()
    server.start()
    assert storage.append([entry(revision=2)]) == [None]


def test_a_store_that_may_wait_saves_once_the_server_is_back(server, name):
    with States.open(backend_on(server, name), StoreConfig(outage_wait_s=CEILING_S)) as states:
        states.save("a", 1)
        server.kill()
        try:
            saving = states.submit_save("a", 2)
        finally:
            server.start()
        assert saving.result().revision == 2
        assert states.load("a").state == 2


def test_a_store_that_may_not_wait_fails_at_once_and_works_again_later(server, name):
    with States.open(backend_on(server, name)) as states:
        states.save("a", 1)
        server.kill()
        try:
            with pytest.raises(StorageUnavailableError) as caught:
                states.save("a", 2)
            assert caught.value.written is False
        finally:
            server.start()
        assert states.save("a", 2).revision == 2


def test_a_save_of_a_store_whose_answer_was_lost_is_found_and_not_made_twice(server, name, cutter):
    backend = backend_on(server, name, cutter.folder)
    with States.open(backend, StoreConfig(outage_wait_s=CEILING_S)) as states:
        states.save("a", 1)
        cutter.cut_the_answer()
        assert states.save("a", 2, expected=1).revision == 2
        assert [version.revision for version in states.list_versions("a")] == [2, 1]


def test_a_server_that_does_not_answer_is_given_up_after_the_timeout(server, name, opened):
    storage = opened(backend_on(server, name, timeout_s=SHORT_S))
    fill(storage, count=1)
    server.pause()
    try:
        with pytest.raises(StorageUnavailableError) as caught:
            storage.append([entry(revision=2)])
    finally:
        server.resume()
    assert caught.value.written is None
    found = storage.read("a", Latest())
    assert found in {entry(revision=1), entry(revision=2)}


def test_a_subscriber_hears_that_anything_may_have_changed_after_an_outage(server, name, opened):
    storage = opened(backend_on(server, name))
    heard = {"": threading.Event(), "a": threading.Event()}
    end = storage.subscribe(lambda each: heard[each].set())
    server.kill()
    server.start()
    assert heard[""].wait(CEILING_S)
    storage.append([entry()])
    assert heard["a"].wait(CEILING_S)
    end()

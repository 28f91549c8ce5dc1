"""Connections to a server: who gets one, which are kept, what is tried again."""

from __future__ import annotations

import pytest

from dspex_actors.state import (
    SnapshotExistsError,
    StorageBusyError,
    StorageClosedError,
    StorageError,
    StorageUnavailableError,
)
from dspex_actors.state._listening import pause_s
from dspex_actors.state._servers import Calls, Pool


class Line:
    """Connections that are numbers; those in `broken` are not sound, and the next `refusals` are refused."""

    def __init__(self, refusals=0):
        self.made, self.closed, self.broken = [], [], set()
        self.refusals = refusals

    def connect(self):
        if self.refusals:
            self.refusals -= 1
            raise StorageUnavailableError("test", "open", "refused")
        self.made.append(len(self.made))
        return self.made[-1]

    def is_sound(self, connection):
        return connection not in self.broken

    def disconnect(self, connection):
        self.closed.append(connection)


def pool_of(line, limit=2, busy_timeout_s=0.01):
    pool = Pool("test", line, limit=limit, busy_timeout_s=busy_timeout_s)
    pool.join()
    return pool


def lost(written):
    return StorageUnavailableError("test", "append", "lost", written=written)


class Failing:
    """An operation that fails with one error after the other, and then returns its connection."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.calls = 0

    def __call__(self, connection):
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return connection


@pytest.mark.parametrize(
    ("failures", "pause"), [(0, 0.02), (1, 0.02), (2, 0.04), (6, 0.64), (7, 1.0), (10**9, 1.0)]
)
def test_pauses_between_attempts_to_listen_again_double_up_to_a_second(failures, pause):
    assert pause_s(failures) == pause


def test_a_connection_that_was_given_back_is_lent_again():
    line = Line()
    pool = pool_of(line)
    for _ in range(3):
        with pool.lend("read") as connection:
            assert connection == 0
    assert line.closed == []


def test_a_connection_that_is_not_sound_any_more_is_closed_and_replaced():
    line = Line()
    pool = pool_of(line)
    with pool.lend("read"):
        pass
    line.broken.add(0)
    with pool.lend("read") as connection:
        assert connection == 1
    assert line.closed == [0]


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (StorageError("test", "append", "no"), True),
        (SnapshotExistsError("s"), True),
        (lost(None), False),
        (RuntimeError("ours"), False),
        (KeyboardInterrupt(), False),
    ],
)
def test_a_connection_is_kept_only_if_its_state_is_known(error, kept):
    line = Line()
    pool = pool_of(line)
    with pytest.raises(type(error)), pool.lend("append"):
        raise error
    assert line.closed == ([] if kept else [0])
    with pool.lend("append") as connection:
        assert connection == (0 if kept else 1)


def test_who_finds_all_connections_lent_is_told_that_it_is_busy():
    pool = pool_of(Line(), limit=1)
    refused = pytest.raises(StorageBusyError, match="could not append")
    with pool.lend("read"), refused as caught, pool.lend("append"):
        pass
    assert caught.value.written is False
    with pool.lend("append") as connection:
        assert connection == 0


def test_a_connection_that_could_not_be_made_takes_no_place_and_the_error_names_the_operation():
    pool = pool_of(Line(refusals=3), limit=1)
    for _ in range(3):
        with pytest.raises(StorageUnavailableError, match="could not append: refused"), pool.lend("append"):
            pass
    with pool.lend("append") as connection:
        assert connection == 0


def test_idle_connections_are_closed_with_the_last_user_and_lent_ones_when_they_come_back():
    line = Line()
    pool = pool_of(line)
    pool.join()
    with pool.lend("read"), pool.lend("read"):
        pass
    pool.leave()
    assert line.closed == []
    with pool.lend("read"):
        pool.leave()
        assert len(line.closed) == 1
    assert sorted(line.closed) == [0, 1]


@pytest.mark.parametrize(
    ("errors", "calls"),
    [((lost(False),), 2), ((lost(None),), 1), ((StorageError("test", "append", "no"),), 1)],
)
def test_a_call_is_made_again_only_if_it_is_certain_that_nothing_was_written(errors, calls):
    act = Failing(*errors)
    storage = Calls("test", Pool("test", Line(), limit=1, busy_timeout_s=1.0))
    if calls == 2:
        assert storage.run("append", act) == 1  # on another connection
    else:
        with pytest.raises(StorageError):
            storage.run("append", act)
    assert act.calls == calls


def test_a_call_that_is_lost_twice_is_not_made_again():
    act = Failing(lost(False), lost(False))
    storage = Calls("test", Pool("test", Line(), limit=1, busy_timeout_s=1.0))
    with pytest.raises(StorageUnavailableError):
        storage.run("append", act)
    assert act.calls == 2


def test_a_server_that_refuses_a_connection_is_not_asked_again_by_the_same_call():
    line = Line(refusals=1)
    storage = Calls("test", Pool("test", line, limit=1, busy_timeout_s=1.0))
    with pytest.raises(StorageUnavailableError):
        storage.run("append", Failing())
    assert storage.run("append", Failing()) == 0


def test_a_storage_that_is_closed_twice_leaves_its_pool_once():
    line = Line()
    pool = Pool("test", line, limit=1, busy_timeout_s=1.0)
    one, other = (Calls("test", pool) for _ in range(2))
    one.run("read", Failing())
    one.close()
    one.close()
    assert line.closed == []
    other.close()
    assert line.closed == [0]
    with pytest.raises(StorageClosedError):
        other.run("read", Failing())

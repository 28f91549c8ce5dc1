"""What the host makes of news of its session's keeper that come late: they are about an older copy."""

from __future__ import annotations

import socket

import pytest

from dspex_actors.workers import _keeping_protocol as protocol
from dspex_actors.workers._session_worker import SessionWorker

LATE = protocol.NotFrozen(1, "the copy did not say that it was there")


class Keeper:
    """The other ends of a session worker's sockets. No process is there: nothing answers but what is told."""

    def __init__(self):
        data, self.data = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        control, self.control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        line, self.line = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.worker = SessionWorker(data, control, 7, "process", {}, line=line, reseed=True)

    def tell(self, *news):
        for each in news:
            self.line.send(protocol.encode(each))

    def end_worker(self):
        self.data.close()


@pytest.fixture
def keeper():
    keeper = Keeper()
    yield keeper
    for end in (keeper.data, keeper.control, keeper.line):
        end.close()
    keeper.worker.close()


def test_late_news_of_an_older_copy_do_not_make_the_new_one_vanish(keeper):
    keeper.worker._unconfirmed = 2
    keeper.tell(LATE, protocol.Frozen(2))

    assert keeper.worker.vanished() == {}


def test_late_news_of_an_older_copy_do_not_fail_the_one_that_is_being_made(keeper):
    keeper.tell(LATE, protocol.Ended(9, 0.0), protocol.Frozen(2))
    keeper.end_worker()

    assert keeper.worker.freeze(2, []) == ""


def test_news_of_the_copy_itself_are_believed(keeper):
    keeper.worker._unconfirmed = 2
    keeper.tell(protocol.NotFrozen(2, "fork: no memory"))
    assert keeper.worker.vanished() == {2: "fork: no memory"}

    keeper.tell(protocol.NotFrozen(3, "the worker has ended"))
    keeper.end_worker()
    assert keeper.worker.freeze(3, []) == "the worker has ended"

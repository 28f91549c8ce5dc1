"""Resolving names: in threads that are bounded in number, and recorded when they are left behind."""

from __future__ import annotations

import threading

import pytest

from dspex_actors.executors._lookups import MOST_AT_ONCE
from dspex_actors.workers import ConnectCode
from dspex_actors.workers._network_protocol import read_answer
from supervisors.testing import CEILING_S
from tests.dspex_actors.executors._proxies import Records, pair, proxy_of


def test_a_resolver_that_is_still_at_it_when_the_proxy_closes_is_recorded_until_it_ends():
    resolving, gate, records = threading.Event(), threading.Event(), Records()

    def slow():
        resolving.set()
        gate.wait(CEILING_S)

    with proxy_of("slow.org:1", names={"slow.org": slow}, records=records) as proxy:
        guest, theirs = pair()
        with guest:
            proxy.begin(None, pytest.fail).connect("slow.org", 1, 0, theirs)
            assert resolving.wait(CEILING_S)
            assert proxy.close()
        assert records.left == ["resolving slow.org"]
        gate.set()
        assert records.empty.wait(CEILING_S)


def test_more_names_than_there_is_room_for_wait_for_their_turn():
    gate, started, together, most = threading.Event(), threading.Semaphore(0), [], []

    def slow():
        together.append(1)
        most.append(len(together))
        started.release()
        gate.wait(CEILING_S)
        together.pop()
        return []

    with proxy_of("*:1", names={"slow.org": slow}) as proxy:
        use = proxy.begin(None, pytest.fail)
        pairs = [pair() for _ in range(MOST_AT_ONCE + 4)]
        for _, theirs in pairs:
            use.connect("slow.org", 1, 0, theirs)
        for _ in range(MOST_AT_ONCE):
            assert started.acquire(timeout=CEILING_S)
        gate.set()
        answers = [read_answer(guest.recv)[0] for guest, _ in pairs]
        for guest, _ in pairs:
            guest.close()
        use.close()

    assert max(most) == MOST_AT_ONCE
    assert set(answers) == {ConnectCode.NOT_ALLOWED}

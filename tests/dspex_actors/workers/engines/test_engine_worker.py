"""What a worker with an engine in its own process does while no request comes."""

from __future__ import annotations

import msgspec
import pytest

from dspex_actors.workers._protocol import Request
from dspex_actors.workers.engines import _worker
from dspex_actors.workers.engines._engine import Usage


class Engine:
    """Answers with its code; its rehearsals are three requests, of which each notes itself."""

    def __init__(self):
        self.ran = []

    def rehearse(self):
        pass

    def start(self):
        pass

    def usage(self):
        return Usage()

    def rehearsals(self, *, builds):
        for number in range(3):
            yield [msgspec.msgpack.encode(Request(f"{'build' if builds else 'run'} {number}"))]

    def run(self, call):
        self.ran.append(call.request.code)
        return call.request.code


class NoSocket:
    def recv_into(self, buffer):  # noqa: ARG002 -- a socket's signature
        return 0

    def sendall(self, data):
        raise AssertionError(data)  # a rehearsal says nothing to the host

    sendmsg = sendall


def worker_of(engine):
    return _worker.EngineWorker(NoSocket(), engine)


@pytest.mark.parametrize(
    ("requests", "ran"),
    [
        ([], ["run 0", "run 1", "run 2"]),
        ([1], []),
        ([0, 1], ["run 0"]),
    ],
)
def test_an_idle_worker_rehearses_until_a_request_has_come(monkeypatch, requests, ran):
    answers = iter(requests)
    monkeypatch.setattr(_worker, "is_readable", lambda _descriptor, _seconds: bool(next(answers, 0)))
    engine = Engine()
    worker_of(engine)._use_idle_time()

    assert engine.ran == ran


def test_a_worker_that_will_compile_rehearses_that(monkeypatch):
    monkeypatch.setattr(_worker, "is_readable", lambda _descriptor, _seconds: False)
    engine = Engine()
    worker = worker_of(engine)
    worker.builds = True
    worker._use_idle_time()

    assert engine.ran == ["build 0", "build 1", "build 2"]


def test_an_engine_without_rehearsals_is_not_asked_for_any(monkeypatch):
    monkeypatch.delattr(Engine, "rehearsals")
    engine = Engine()
    worker_of(engine)._use_idle_time()

    assert engine.ran == []

"""What idle workers run for nothing: it works in each engine that has it, and a guest finds nothing of it."""

from __future__ import annotations

import importlib

import msgspec
import pytest

from dspex_actors import values
from dspex_actors.executors.languages import BUILT_IN, find_engine
from dspex_actors.workers import setup_of
from dspex_actors.workers._protocol import Request
from dspex_actors.workers.engines import Call, GuestFailedError
from dspex_actors.workers.guest._output import OutputBuffer
from tests._engines import need_engine
from tests.integration._tools import CEILING_S

ROWS = {row.name: row for row in BUILT_IN}


def engine_of(language):
    row = ROWS[language]
    module, _, function = row.maker.partition(":")
    return getattr(importlib.import_module(module), function)(
        setup_of(row, find_engine(row), CEILING_S).config
    )


@pytest.fixture(params=["javascript", "elixir"])
def engine(request, tmp_path, monkeypatch):
    need_engine(request.param)
    monkeypatch.chdir(tmp_path)
    engine = engine_of(request.param)
    engine.start()
    yield engine
    engine._driver.close()


def run(engine, request, parts=()):
    stdout, stderr = (OutputBuffer(lambda _data: None) for _ in range(2))
    call = Call(request, [memoryview(b""), *parts], {}, stdout, stderr, lambda: None, 0)
    found = engine.run(call)
    return values.decode(found.structure, found.buffers) if isinstance(found, values.Encoded) else found


def rehearse(engine):
    count = 0
    for request, *parts in engine.rehearsals(builds=False):
        run(engine, msgspec.msgpack.decode(request, type=Request), [memoryview(part) for part in parts])
        count += 1
    return count


UNBOUND = {"javascript": "typeof x + typeof y", "elixir": "length(binding())"}
FAILS = {"javascript": "null.x", "elixir": 'raise "no"'}


def test_a_session_finds_no_name_of_a_rehearsal_and_its_calls_count_from_zero(engine):
    assert rehearse(engine) > 0
    language = engine.config.language

    assert run(engine, Request(UNBOUND[language], keep=True)) in {"undefinedundefined", 0}
    with pytest.raises(GuestFailedError) as caught:
        run(engine, Request(FAILS[language], keep=True))
    assert "<guest-1>" in caught.value.traceback

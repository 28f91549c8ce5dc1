"""The conversation with a driver: what it may say, what becomes of it at its end, and its limits."""

from __future__ import annotations

import resource
import signal
import struct
import sys
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from dspex_actors import ConsoleMessage, Diagnostic, ToolError, values
from dspex_actors.workers._noted import NoteCollector
from dspex_actors.workers._protocol import REHEARSAL, EngineConfig, Final, FrameType, Request
from dspex_actors.workers.engines import (
    Call,
    DriverEngine,
    EngineFailureError,
    GuestFailedError,
    OutOfMemoryError,
    ResultTooBigError,
    _driver_engine,
)
from dspex_actors.workers.engines._driver import Driver
from dspex_actors.workers.guest._notes import NoteBuffer
from dspex_actors.workers.guest._output import OutputBuffer

ROOT = Path(__file__).parents[4]
pytestmark = pytest.mark.integration


class PythonEngine(DriverEngine):
    def command(self):
        return [sys.executable, str(Path(__file__).parent / "_driver.py")]

    def environment(self):
        return {"PYTHONPATH": str(ROOT)}


class _EndedError(Exception):
    """The worker would have ended here."""


@pytest.fixture(autouse=True)
def worker_goes_on(monkeypatch):
    """Raise where the worker would end as its driver has."""

    def end(ended):
        raise _EndedError(ended.exit_code)

    monkeypatch.setattr(_driver_engine, "end_like", end)


@contextmanager
def started():
    engine = PythonEngine(EngineConfig("", "ruby", start_timeout_s=60.0))
    engine.start()
    try:
        yield engine
    finally:
        engine._driver.close()


@pytest.fixture
def engine():
    with started() as engine:
        yield engine


@pytest.fixture(scope="module")
def lasting(subreaper):  # noqa: ARG001 -- set up before
    """Give one engine to all tests after which its driver goes on."""
    with started() as engine:
        yield engine


class Talk:
    """Calls of an engine, with what was written to its streams."""

    def __init__(self, engine):
        self.engine = engine
        self.said = {"stdout": b"", "stderr": b""}
        self.noted = NoteCollector(None)
        self.notes = NoteBuffer(self.noted.add)

    def _buffer(self, name):
        def note(data):
            self.said[name] += data

        return OutputBuffer(note)

    def __call__(self, code, *, tools=None, variables=None, **limits):
        request = Request(code=repr(code) if isinstance(code, dict) else code, **limits)
        encoded = values.encode(variables or {})
        parts = [memoryview(b""), memoryview(encoded.structure), *map(memoryview, encoded.buffers)]
        stdout, stderr = self._buffer("stdout"), self._buffer("stderr")
        call = Call(request, parts, tools or {}, stdout, stderr, lambda: None, 0, None, self.notes)
        try:
            value = self.engine.run(call)
        finally:
            stdout.flush_now()
            stderr.flush_now()
            self.notes.flush_now()
        return values.decode(value.structure, value.buffers)


@pytest.fixture
def talk(lasting):
    return Talk(lasting)


@pytest.fixture
def last_talk(engine):
    """Talk to an engine of the test's own."""
    return Talk(engine)


def test_a_value_comes_back_and_the_variables_arrive(talk):
    assert talk("{'value': [variables['x'], head['code'][:1]]}", variables={"x": (1, {2})}) == [(1, {2}), "{"]


def test_output_is_there_before_the_result_each_stream_by_itself(talk):
    talk({"say": ["out" * 30_000, "err"]})

    assert talk.said == {"stdout": b"out" * 30_000, "stderr": b"err"}


def test_output_in_frames_is_passed_on_in_its_order(talk):
    assert talk({"output": [[b"\1", b"a"], [b"\2", b"e"], [b"\1", b"b" * 70_000]], "value": 1}) == 1

    assert talk.said == {"stdout": b"a" + b"b" * 70_000, "stderr": b"e"}


@pytest.mark.parametrize("parts", [[b"\3", b"a"], [b"\1"], [], [b"", b"a"], [b"\1", b"a", b"b"]])
def test_output_in_a_frame_without_a_stream_breaks_the_engine(last_talk, parts):
    with pytest.raises(EngineFailureError, match="output without a stream"):
        last_talk({"output": [parts]})


def test_what_a_driver_tells_beside_output_arrives_in_its_order(talk):
    unused = {"level": "warning", "message": "unused", "line": 3}
    final = {"outcome": "completed", "diagnostics": [unused], "dropped_notes": 4}
    talk({"notes": [{"console": [["log", "a"]]}, {"console": [["warn", "b"]], "diagnostics": [unused]}],
          "final": final})  # fmt: skip

    assert talk.noted.console == [ConsoleMessage("log", "a"), ConsoleMessage("warn", "b")]
    assert talk.noted.diagnostics == [Diagnostic("warning", "unused", line=3)] * 2
    assert talk.notes.dropped == 4


@pytest.mark.parametrize("ending", [{"exit": 3}, {"signal": 11}])
def test_what_a_driver_has_told_is_there_when_it_ends(last_talk, ending):
    with pytest.raises(_EndedError):
        last_talk({"notes": [{"console": [["log", str(number)] for number in range(100)]}], **ending})

    assert len(last_talk.noted.console) == 100


@pytest.mark.parametrize(
    "order",
    [
        {"notes": [[]]},
        {"notes": [{"console": [["log"]]}]},
        {"notes": [{"console": [["log", 1]]}]},
        {"notes": [{"diagnostics": [{"level": "error"}]}]},
        {"notes": [{"diagnostics": [{"level": "fatal", "message": "m"}]}]},
        {"notes": [{"diagnostics": [{"level": "error", "message": "m", "line": "1"}]}]},
        {"final": {"outcome": "completed", "diagnostics": [{"level": "fatal", "message": "m"}]}},
        {"final": {"outcome": "completed", "dropped_notes": -1}},
    ],
)
def test_notes_that_are_none_break_the_engine(last_talk, order):
    with pytest.raises(EngineFailureError, match="what is no"):
        last_talk(order)


@pytest.mark.parametrize(
    "told", [{"used": 2**61}, {"used": -1}, {"memory_peak_bytes": 2**64}, {"cpu_s": 1e8}, {"cpu_s": -0.5}]
)
def test_numbers_that_could_not_be_told_to_the_host_break_the_engine(last_talk, told):
    with pytest.raises(EngineFailureError, match="what is no"):
        last_talk({"final": {"outcome": "result", **told}})


def test_the_largest_numbers_of_a_driver_can_be_told_to_the_host(talk):
    with pytest.raises(ResultTooBigError) as caught:
        talk({"final": {"outcome": "result", "used": 2**61 - 1, "memory_peak_bytes": 2**61 - 1}})

    final = Final("result", used=caught.value.used, memory_peak_bytes=2**61 - 1 + 2**40)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(final), type=Final) == final


@pytest.mark.parametrize(
    ("final", "error", "facts"),
    [
        (
            {"outcome": "failed", "error_type": "E", "message": "m", "traceback": "t"},
            GuestFailedError,
            {"kind": "E", "message": "m", "traceback": "t"},
        ),
        ({"outcome": "memory"}, OutOfMemoryError, {"is_last": False}),
        ({"outcome": "result", "used": 7}, ResultTooBigError, {"used": 7}),
        ({"outcome": "missing"}, KeyError, {}),
        ({"outcome": "unheard of"}, GuestFailedError, {}),
    ],
)
def test_each_outcome_has_its_error_and_the_driver_goes_on(talk, final, error, facts):
    with pytest.raises(error) as caught:
        talk({"final": final})

    assert {name: getattr(caught.value, name) for name in facts} == facts
    assert talk({"value": 1}) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"\0" * 13,
        b"\x04\0\0\0\x04" + bytes(12),
        b"\xff\xff\xff\xff\x63" + bytes(8),
        b"\x0e\0\0\0\x04" + bytes(8) + b"\1\0\0\0\2\0\0\0\0\0\0\0{}",
    ],
)
def test_what_is_no_answer_breaks_the_engine_and_nothing_else(last_talk, raw):
    with pytest.raises((EngineFailureError, GuestFailedError)):
        last_talk({"raw": raw})


@pytest.mark.parametrize("kind", [FrameType.TOOL_CALL, FrameType.FINAL])
@pytest.mark.parametrize(("result_bytes", "size"), [(1000, 8 * 1000 + 2**20 + 1), (0, 2**32 - 1)])
def test_a_frame_beyond_what_a_value_may_take_is_refused_before_it_is_read(
    last_talk, kind, result_bytes, size
):
    with pytest.raises(EngineFailureError, match=f"with {size} bytes, its cap is {8 * result_bytes + 2**20}"):
        last_talk({"raw": struct.pack("<IBQ", size, kind, 0)}, result_bytes=result_bytes)


@pytest.mark.parametrize(("output_bytes", "size"), [(1000, 8 * 1000 + 2**20 + 1), (0, 2**20 + 1)])
def test_notes_beyond_what_the_output_may_take_are_refused_before_they_are_read(
    last_talk, output_bytes, size
):
    with pytest.raises(EngineFailureError, match=f"with {size} bytes, its cap is {size - 1}"):
        last_talk({"raw": struct.pack("<IBQ", size, FrameType.NOTES, 0)}, output_bytes=output_bytes)


@pytest.mark.parametrize(("order", "code"), [({"exit": 3}, 3), ({"exit": 0}, 0), ({"signal": 11}, -11)])
def test_a_driver_that_ends_ends_its_worker_in_the_same_way(last_talk, order, code):
    with pytest.raises(_EndedError) as caught:
        last_talk({"say": ["last words", ""], **order})

    assert caught.value.args == (code,)
    assert last_talk.said["stdout"] == b"last words"


@pytest.mark.parametrize(("words", "hungry"), [("out of memory", True), ("oh no", False)])
def test_an_abort_with_words_about_memory_is_its_limit(last_talk, words, hungry):
    with pytest.raises(OutOfMemoryError if hungry else _EndedError) as caught:
        last_talk({"say": ["", words], "signal": int(signal.SIGABRT)})

    assert not hungry or caught.value.is_last


def add(first, second=0):
    return first + second


def refuse():
    raise ToolError("refuse", "ValueError", "never")


@pytest.mark.parametrize(
    ("tool", "args", "answer"),
    [
        ("add", [[1, 2], {}], [{}, 3]),
        ("add", [[1], {"second": 5}], [{}, 6]),
        ("refuse", [[], {}], [{"error_type": "ValueError", "message": "never"}, None]),
        (
            "nothing",
            [[], {}],
            [{"error_type": "LookupError", "message": "the execution has no such tool"}, None],
        ),
        ("socket", [[], {}], None),
        ("add", "rubbish", None),
        ("add", [[], {}], None),
    ],
)
def test_a_tool_is_called_and_its_failure_is_an_answer_too(talk, tool, args, answer):
    tools = {"add": add, "refuse": refuse, "socket": lambda: sys}
    head, value = talk({"tool": [tool, args]}, tools=tools)["answer"]

    if answer is None:
        assert head["error_type"] in {"ValueEncodeError", "TypeError", "ValueError"}
    else:
        assert [head, value] == answer


LIMITS = {"memory_bytes": 2**30, "file_bytes": 1000, "open_files": 50, "processes": 40, "cpu_s": 9.0}


@pytest.mark.parametrize("allowed", [True, False])
def test_the_limits_of_a_request_are_put_on_the_driver_beyond_what_an_idle_one_uses(
    engine, last_talk, monkeypatch, allowed
):
    idle = engine._driver.footprint()
    first = engine._driver.pid
    if not allowed:
        refused = iter([PermissionError])
        applied = Driver.limit

        def limit(self, limits):
            for error in refused:
                raise error
            applied(self, limits)

        monkeypatch.setattr(Driver, "limit", limit)
    found = last_talk("{'value': limits()}", **LIMITS, idle=idle)

    assert (engine._driver.pid == first) is allowed
    assert found["RLIMIT_FSIZE"] == [1000, 1000]
    assert found["RLIMIT_DATA"] == [idle.data_bytes + 2**30] * 2
    assert found["RLIMIT_NOFILE"] == [idle.files + 50] * 2
    assert found["RLIMIT_NPROC"] == [idle.threads + 40 + 1] * 2
    assert found["RLIMIT_CPU"] == [10, 11]


def test_no_limits_are_no_limits_and_what_is_lower_stays_so(last_talk):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    assert last_talk("{'value': limits()}")["RLIMIT_FSIZE"] == list(before)
    assert last_talk("{'value': limits()}", file_bytes=5000)["RLIMIT_FSIZE"] == [5000, 5000]
    assert last_talk("{'value': limits()}", file_bytes=4000)["RLIMIT_FSIZE"] == [4000, 4000]


def test_what_a_driver_has_used_is_what_it_says(engine, last_talk):
    assert engine.usage() == (0.5, 2**20)

    last_talk({"final": {"outcome": "completed", "cpu_s": 1.5, "memory_peak_bytes": 2**21}})
    assert engine.usage() == (1.5, 2**21)


def test_a_look_at_a_driver_starts_one_tells_what_it_uses_and_ends_it():
    engine = PythonEngine(EngineConfig("", "ruby", start_timeout_s=60.0))
    engine.rehearse()
    found = engine.look()

    assert found.data_bytes > 2**20
    assert found.threads >= 1
    assert found.files >= 4
    assert engine._driver is None


def test_a_driver_is_told_which_code_is_a_rehearsal_and_gets_a_variable(engine, last_talk, monkeypatch):
    assert list(engine.rehearsals(builds=False)) == []
    monkeypatch.setattr(PythonEngine, "rehearsed", "{'value': [head.get('rehearsal'), variables['x'][0]]}")
    frames = list(engine.rehearsals(builds=False))
    requests = [msgspec.msgpack.decode(frame[0], type=Request) for frame in frames]

    assert {request.step for request in requests} == {REHEARSAL}
    first = requests[0]
    assert last_talk(first.code, variables={"x": [1]}, step=first.step) == [True, 1]
    assert last_talk(first.code, variables={"x": [1]}) == [None, 1]

"""The tools of a request: which thread runs them, what is told of them, what their end leaves behind."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from queue import SimpleQueue

import pytest

from dspex_actors import Execute, Limits, RuntimeClosedError, values
from dspex_actors.executors import ToolLoop
from dspex_actors.executors import _tools as tools_module
from dspex_actors.executors._messages import Run
from dspex_actors.executors._tools import RequestTools
from dspex_actors.workers import ToolFailure
from supervisors import System
from supervisors.testing import Events

CEILING_S = 5.0
COLOUR = contextvars.ContextVar("COLOUR", default="none")


@pytest.fixture
def system():
    system = System()
    yield system
    system.close()
    system.threads.join()


@pytest.fixture
def own_loop():
    loop = ToolLoop()
    yield loop
    assert loop.close(CEILING_S)


class Request:
    """A request's tools, called by hand."""

    def __init__(self, system, own_loop, tools, **options):
        run = Run(7, Execute("1", tools=tools, tag="t", **options), Limits(), 0.0)
        self.tools = RequestTools(run, system, own_loop)
        self.answers = SimpleQueue()

    def start(self, name, *args, **kwargs):
        self.tools.call(name, list(args), kwargs, self.answers.put)

    def call(self, name, *args, **kwargs):
        """Call a tool; return its value, or the failure."""
        self.start(name, *args, **kwargs)
        outcome = self.answers.get(timeout=CEILING_S)
        return outcome if isinstance(outcome, ToolFailure) else values.decode(*vars_of(outcome))

    def close(self):
        self.tools.close()
        if self.tools._thread is not None:
            self.tools._thread.join(CEILING_S)
            assert self.tools._thread.ended


def vars_of(encoded):
    return encoded.structure, encoded.buffers


@pytest.fixture
def request_of(system, own_loop):
    made = []

    def make(**tools):
        made.append(Request(system, own_loop, tools, loop=tools.pop("loop", None)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_a_function_gets_its_arguments_and_its_value_is_answered(request_of):
    request = request_of(add=lambda a, *rest, b=0: [a, rest, b])

    assert request.call("add", 1, 2, b=3) == [1, (2,), 3]
    assert request.tools.names == ("add",)


def test_all_calls_of_a_request_run_in_one_thread_that_is_not_the_callers(request_of):
    request = request_of(where=threading.get_ident)
    idents = {request.call("where") for _ in range(5)}

    assert len(idents) == 1
    assert threading.get_ident() not in idents


def test_a_function_sees_the_context_variables_of_whoever_made_the_request(request_of):
    COLOUR.set("red")
    request = request_of(colour=COLOUR.get)
    COLOUR.set("blue")

    assert request.call("colour") == "red"


class Wordless(Exception):  # noqa: N818 -- a user's class
    def __init__(self, error):
        self.error = error

    def __str__(self):
        raise self.error


def raising(error):
    def tool():
        raise error

    return tool


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyError("x"), ("KeyError", "'x'")),
        (RuntimeError(), ("RuntimeError", "")),
        (SystemExit(3), ("SystemExit", "3")),
        (KeyboardInterrupt(), ("KeyboardInterrupt", "")),
        (Wordless(ValueError()), ("Wordless", "<its __str__ raised ValueError>")),
        (Wordless(SystemExit()), ("Wordless", "<its __str__ raised SystemExit>")),
        (ValueError("\ud800"), ("ValueError", "\\ud800")),
        (ValueError("x" * 9000), ("ValueError", "x" * 8000 + "... (9000 characters)")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_function_raises_is_told_by_class_and_text_and_the_next_call_is_served(
    request_of, error, told
):
    request = request_of(fail=raising(error), ok=lambda: 1)

    assert request.call("fail") == told
    assert request.call("ok") == 1


@pytest.mark.parametrize("error", [KeyError("x"), SystemExit(3), KeyboardInterrupt()], ids=repr)
def test_what_an_async_function_raises_ends_neither_the_loop_nor_the_thread(request_of, error):
    async def fail():
        raise error

    async def ok():
        return 1

    request = request_of(fail=fail, ok=ok)

    assert request.call("fail").error_type == type(error).__name__
    assert request.call("ok") == 1


def test_arguments_that_a_function_does_not_take_are_its_type_error(request_of):
    failure = request_of(add=lambda a: a).call("add", 1, 2)

    assert failure.error_type == "TypeError"
    assert "positional" in failure.message


@pytest.mark.parametrize(
    ("value", "path"),
    [(object(), "give() (object)"), ({"rows": [1, {"x": object()}]}, "give()['rows'][1]['x'] (object)")],
)
def test_a_value_that_cannot_cross_is_a_failure_that_names_it(request_of, value, path):
    failure = request_of(give=lambda: value).call("give")

    assert failure.error_type == "ValueEncodeError"
    assert failure.message.startswith(f"{path} cannot cross")


def test_an_async_function_runs_in_the_loop_of_the_runtime_if_the_request_names_none(request_of, own_loop):
    async def where():
        return asyncio.get_running_loop() is own_loop.get(), COLOUR.get()

    COLOUR.set("red")

    assert request_of(where=where).call("where") == (True, "red")


def test_an_async_function_runs_in_the_loop_that_the_request_names(request_of):
    async def main():
        loop = asyncio.get_running_loop()

        async def here():
            return asyncio.get_running_loop() is loop

        request = request_of(here=here, loop=loop)
        return await asyncio.to_thread(request.call, "here")

    assert asyncio.run(main())


def test_whatever_can_be_awaited_is_awaited(request_of):
    class Promise:
        def __await__(self):
            yield  # lets the loop go on once
            return "kept"

    async def inner():
        return "inner"

    assert request_of(promise=Promise).call("promise") == "kept"
    assert request_of(wrapped=functools.partial(inner)).call("wrapped") == "inner"


def test_a_loop_that_is_closed_is_a_failure_and_the_coroutine_is_not_forgotten(request_of):
    loop = asyncio.new_event_loop()
    loop.close()

    async def never():
        return 1

    assert request_of(never=never, loop=loop).call("never").error_type == "RuntimeError"


def test_a_tool_loop_that_is_closed_gives_no_loop(system):
    loop = ToolLoop()
    assert loop.close(CEILING_S)

    async def never():
        return 1

    request = Request(system, loop, {"never": never})

    with pytest.raises(RuntimeClosedError):
        loop.get()
    assert request.call("never").error_type == "RuntimeClosedError"
    request.close()


def test_the_end_of_a_request_cancels_the_async_function_it_waits_for(request_of, system):
    entered, cancelled = threading.Event(), threading.Event()

    async def wait():
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    request = request_of(wait=wait)
    request.start("wait")
    assert entered.wait(CEILING_S)
    request.close()

    assert cancelled.wait(CEILING_S)
    assert system.abandoned.records() == ()


def test_an_async_function_cancelled_before_it_began_is_closed(request_of, own_loop):
    loop = own_loop.get()
    gate, busy = threading.Event(), threading.Event()
    loop.call_soon_threadsafe(lambda: (busy.set(), gate.wait(CEILING_S)))
    assert busy.wait(CEILING_S)
    made = []

    async def never():
        return 1

    def tool():
        made.append(never())
        return made[0]

    request = request_of(tool=tool)
    request.start("tool")
    while request.tools._awaiting is None:
        threading.Event().wait(0.001)
    request.tools.close()
    gate.set()
    request.close()
    assert own_loop.close(CEILING_S)

    assert made[0].cr_frame is None  # closed; one that is forgotten warns, and warnings are errors here


@pytest.fixture
def stuck():
    """Give a tool that does not end before the test does."""

    class Stuck:
        def __init__(self):
            self.entered, self.release = threading.Semaphore(0), threading.Event()

        def __call__(self):
            self.entered.release()
            self.release.wait(CEILING_S)
            return "late"

    tool = Stuck()
    yield tool
    tool.release.set()


def test_a_function_that_outlives_its_request_is_abandoned_until_it_ends(request_of, system, stuck):
    events = Events(system)
    request = request_of(look=stuck)
    request.start("look")
    assert stuck.entered.acquire(timeout=CEILING_S)
    request.tools.close()
    (record,) = system.abandoned.records()
    stuck.release.set()
    request.close()

    assert (record.id, record.thread) == ("tool look of execution 7", "dspex-tools-7")
    assert record.where.startswith(f"{__file__}:")
    assert system.abandoned.records() == ()
    assert [facts["outcome"] for facts in events.of("tool.called")] == ["late"]


def test_a_call_that_was_not_begun_when_the_request_ended_is_not_run(request_of, system, stuck):
    ran = []
    request = request_of(look=stuck, other=lambda: ran.append(1))
    request.start("look")
    assert stuck.entered.acquire(timeout=CEILING_S)
    request.start("other")
    request.tools.close()
    stuck.release.set()
    request.close()

    assert ran == []
    assert system.abandoned.records() == ()


def test_the_end_of_a_request_without_calls_starts_no_thread(request_of):
    request = request_of(add=lambda: 1)
    request.close()

    assert request.tools._thread is None


def test_no_more_tools_are_run_while_too_many_outlive_their_requests(request_of, monkeypatch, stuck):
    monkeypatch.setattr(tools_module, "MOST_ABANDONED", 2)
    requests = [request_of(look=stuck) for _ in range(2)]
    for request in requests:
        request.start("look")
        assert stuck.entered.acquire(timeout=CEILING_S)
    one = request_of(ok=lambda: 1)
    requests[0].tools.close()
    before = one.call("ok")
    requests[1].tools.close()
    refused = one.call("ok")
    stuck.release.set()
    for request in requests:
        request.close()

    assert before == 1
    assert refused == ("RuntimeError", "2 tools are still running whose executions are over")
    assert one.call("ok") == 1


def test_each_call_is_an_event_with_its_duration_and_outcome(request_of, system):
    seen = []
    system.telemetry.attach("tool.called", lambda *event: seen.append(event))
    request = request_of(add=lambda: 1, fail=raising(KeyError("x")))
    request.call("add")
    request.call("fail")

    (event, measurements, first), (_, _, second) = seen
    assert event == "tool.called"
    assert set(measurements) == {"duration_s"}
    assert measurements["duration_s"] >= 0
    assert first == {"execution": 7, "tag": "t", "tool": "add", "outcome": "returned"}
    assert second == {"execution": 7, "tag": "t", "tool": "fail", "outcome": "raised"}


def test_a_call_for_which_there_is_no_thread_is_a_failure_and_the_next_one_is_served(
    request_of, system, monkeypatch
):
    def refuse(*_):
        msg = "can't start new thread"
        raise RuntimeError(msg)

    request = request_of(add=lambda: 1)
    with monkeypatch.context() as patch:
        patch.setattr(system, "run_in_thread", refuse)
        failure = request.call("add")

    assert failure == ("RuntimeError", "can't start new thread")
    assert request.call("add") == 1

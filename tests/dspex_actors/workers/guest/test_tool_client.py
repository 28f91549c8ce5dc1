"""The guest's side of tools, with a host that the test plays."""

from __future__ import annotations

import pickle
import queue
import threading

import msgspec
import pytest

from dspex_actors import ToolError, ValueEncodeError, values
from dspex_actors.workers import _framing
from dspex_actors.workers._framing import Frame
from dspex_actors.workers._protocol import FrameType, ToolCall, ToolResult
from dspex_actors.workers.guest._restricted import compile_strict
from dspex_actors.workers.guest._strict import StrictEngine
from dspex_actors.workers.guest._tools import ToolClient

CEILING_S = 5.0
encode = msgspec.msgpack.encode


def frame_of(*parts):
    payload = b"".join(bytes(block) for block in _framing.pack_parts(parts))
    return Frame(FrameType.TOOL_RESULT, 1, payload)


def returned(value):
    encoded = values.encode(value)
    return frame_of(encode(ToolResult("", "")), encoded.structure, *encoded.buffers)


def raised(error_type, message=""):
    return frame_of(encode(ToolResult(error_type, message)))


class Host:
    """Keeps what it is sent; answers by a function, or by hand through `frames`."""

    def __init__(self, answer=None):
        self.calls = []
        self.frames = queue.SimpleQueue()
        self.answer = answer
        self.client = ToolClient(self.send, self.read)

    def send(self, blocks):
        parts = _framing.split_parts(b"".join(bytes(block) for block in blocks))
        name = msgspec.msgpack.decode(parts[0], type=ToolCall).tool
        self.calls.append((name, values.decode(parts[1], parts[2:])))
        if self.answer is not None:
            self.frames.put(self.answer(*self.calls[-1]))

    def read(self):
        return self.frames.get(timeout=CEILING_S)


@pytest.fixture
def echo():
    return Host(lambda name, arguments: returned([name, *arguments]))


def test_a_tool_is_called_with_its_arguments_and_gives_the_value(echo):
    bound = echo.client.begin(("search", "add"), None)

    assert bound["search"](1, "a", n=[2.5]) == ["search", [1, "a"], {"n": [2.5]}]
    assert bound["add"]() == ["add", [], {}]
    assert set(bound) == {"search", "add", "ToolError"}


def test_a_request_without_tools_binds_nothing(echo):
    assert echo.client.begin((), None) == {}
    echo.client.end()


def test_what_a_tool_raised_is_a_tool_error_that_guests_catch_by_name():
    host = Host(lambda *_: raised("KeyError", "'x'"))
    bound = host.client.begin(("search",), None)

    with pytest.raises(bound["ToolError"], match="search: KeyError: 'x'") as caught:
        bound["search"]()

    assert bound["ToolError"] is ToolError
    assert (caught.value.tool, caught.value.error_type, caught.value.message) == ("search", "KeyError", "'x'")


@pytest.mark.parametrize(
    ("args", "kwargs", "path"),
    [
        ((1, {"rows": [object()]}), {}, "search(): args[1]['rows'][0]"),
        ((), {"by": {1, (2, lambda: 0)}}, "search(): kwargs['by'][<item>][1]"),
        (([[object()]],), {}, "search(): args[0][0][0]"),
        ((), {"\ud800": 1}, "search(): kwargs"),
        (("\ud800",), {}, "search(): args[0]"),
    ],
)
def test_an_argument_that_cannot_cross_is_named_and_nothing_is_sent(echo, args, kwargs, path):
    search = echo.client.begin(("search",), None)["search"]

    with pytest.raises(ValueEncodeError) as caught:
        search(*args, **kwargs)

    assert caught.value.path.startswith(path)
    assert echo.calls == []
    assert search(1) == ["search", [1], {}]


@pytest.mark.parametrize(("most", "crosses"), [(None, True), (60, True), (59, False)])
def test_arguments_may_reach_the_limit_of_bytes_and_not_one_more(echo, most, crosses):
    size = values.encode([["x" * 50], {}]).size
    search = echo.client.begin(("search",), None if most is None else size - 60 + most)["search"]
    if crosses:
        assert search("x" * 50)[1] == ["x" * 50]
        return
    with pytest.raises(ValueEncodeError, match=f"they take {size} bytes, at most {size - 1} may"):
        search("x" * 50)


def test_a_tool_of_a_request_that_is_over_raises_and_sends_nothing(echo):
    search = echo.client.begin(("search",), None)["search"]
    echo.client.end()
    echo.client.begin(("add",), None)

    with pytest.raises(ToolError, match="the execution that had this tool is over"):
        search(1)
    assert echo.calls == []


def test_a_tool_kept_from_an_earlier_request_works_where_its_name_is_given_again(echo):
    search = echo.client.begin(("search",), None)["search"]
    echo.client.end()
    echo.client.begin(("search",), None)

    assert search(5) == ["search", [5], {}]


def test_threads_that_call_at_the_same_time_get_their_own_answers(echo):
    echo_tool = echo.client.begin(("search",), None)["search"]
    wrong = []

    def work(number):
        answers = [(step, echo_tool(number, step)) for step in range(100)]
        wrong.extend(step for step, answer in answers if answer != ["search", [number, step], {}])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(CEILING_S)

    assert wrong == []
    assert len(echo.calls) == 400


def test_the_end_of_a_request_waits_for_the_call_that_a_thread_has_under_way():
    host = Host()
    search = host.client.begin(("search",), None)["search"]
    order = []
    sent = threading.Event()
    send = host.client._send
    host.client._send = lambda blocks: (send(blocks), sent.set())
    caller = threading.Thread(target=lambda: order.append(search()))
    caller.start()
    assert sent.wait(CEILING_S)
    ender = threading.Thread(target=lambda: (host.client.end(), order.append("ended")))
    ender.start()
    ender.join(0.1)  # a wrong end would come within microseconds
    waited = ender.is_alive()
    host.frames.put(returned("answered"))
    caller.join(CEILING_S)
    ender.join(CEILING_S)

    assert waited
    assert sorted(order) == ["answered", "ended"]


class Interrupted(BaseException):
    """What a signal handler of the guest's raises."""


def test_the_answer_to_an_interrupted_call_is_not_taken_for_the_next_one():
    host = Host()
    search = host.client.begin(("search",), None)["search"]
    read, interrupted = host.client._read, []

    def interrupt_once():
        if not interrupted:
            interrupted.append(True)
            raise Interrupted
        return read()

    host.client._read = interrupt_once
    with pytest.raises(Interrupted):
        search("first")
    host.frames.put(returned("late"))
    host.frames.put(returned("second"))

    assert search("second") == "second"


def test_the_end_of_a_request_takes_the_answer_to_an_interrupted_call():
    host = Host()
    search = host.client.begin(("search",), None)["search"]

    def interrupt():
        raise Interrupted

    read, host.client._read = host.client._read, interrupt
    with pytest.raises(Interrupted):
        search("first")
    host.client._read = read
    host.frames.put(returned("late"))
    host.client.end()

    assert host.frames.empty()


def test_a_call_from_within_a_call_of_the_same_thread_is_refused():
    host = Host()
    search = host.client.begin(("search",), None)["search"]
    read = host.client._read

    def read_with_a_handler():
        host.client._read = read
        with pytest.raises(RuntimeError, match="while this thread waits for another tool"):
            search("inner")
        return returned("outer")

    host.client._read = read_with_a_handler

    assert search("outer") == "outer"
    assert [arguments[0] for _, arguments in host.calls] == [["outer"]]


def test_a_host_that_is_gone_is_a_connection_error():
    host = Host(lambda *_: None)
    search = host.client.begin(("search",), None)["search"]

    with pytest.raises(ConnectionError):
        search()


def strict(echo, source):
    """Run strict code with a tool; return its value."""
    engine = StrictEngine()
    namespace = engine.namespace()
    engine.bind(namespace, echo.client.begin(("search",), None))
    parts = compile_strict(source, "<guest>")
    if parts.statements is not None:
        exec(parts.statements, namespace)  # noqa: S102 -- the code under test
    return eval(parts.expression, namespace)  # noqa: S307 -- see above


def test_strict_code_calls_tools_and_catches_their_errors(echo):
    assert strict(echo, "search(1, n=2)") == ["search", [1], {"n": 2}]
    assert strict(echo, "callable(search), search.__name__") == (True, "search")
    echo.answer = lambda *_: raised("KeyError", "'x'")
    source = "try:\n    search()\nexcept ToolError as e:\n    r = e.tool, e.error_type, e.message, str(e)\nr"
    assert strict(echo, source) == ("search", "KeyError", "'x'", "search: KeyError: 'x'")


@pytest.mark.parametrize(
    "attack",
    [
        "search.__globals__",
        "search.__closure__",
        "search.__code__",
        "search.__wrapped__",
        "search.__defaults__",
        "search.__self__",
        "getattr(search, '__clo' + 'sure__')",
        "getattr(search, '__dict__')",
        "search.attribute = 1\n1",
        "search.__name__ = 'other'\n1",
        "setattr(search, 'x', 1)",
        "del search.__doc__\n1",
        "vars(search)",
        "import functools\n@functools.wraps(search)\ndef f(): pass\nf.__wrapped__",
        "type(search)(search.__code__, {})",
        "type(search)(1, {})",
        "import operator\noperator.attrgetter('__globals__')(search)",
        "ToolError.__init__.__globals__",
        "ToolError.__mro__",
        "ToolError.x = 1\n1",
        "ToolError('a', 'b').__reduce__()",
        "ToolError('a', 'b')._sentence()",
        "ToolError('a', 'b').__traceback__",
        "try:\n    search(search)\nexcept ValueError as e:\n    r = e.__traceback__\nr",
        "match search:\n    case object(__globals__=g): r = g\nr",
    ],
)
def test_strict_code_can_neither_open_a_tool_nor_change_it(echo, attack):
    with pytest.raises((AttributeError, TypeError, SyntaxError, ValueError)):
        strict(echo, attack)


def test_a_tool_error_goes_through_pickle_inside_a_guest():
    error = ToolError("search", "KeyError", "'x'")

    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)  # noqa: S301 -- our own bytes

"""What runs guest code inside of Pyodide, here run by the interpreter of the tests."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from dspex_actors import values
from dspex_actors.workers.engines.pyodide._guest import Guest, compiled


class Block(bytes):
    """Bytes as Pyodide hands them over."""

    __slots__ = ()

    def to_bytes(self):
        return bytes(self)


def blocks(value):
    encoded = values.encode(value)
    return [Block(encoded.structure), *map(Block, encoded.buffers)]


def read(parts):
    head = json.loads(parts[0])
    if head["outcome"] != "completed":
        return head
    return values.decode(parts[1], parts[2:])


@pytest.fixture
def guest(monkeypatch):
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    asked = []

    def ask(name, parts):
        asked.append((name, values.decode(parts[0], parts[1:])))
        return ["KeyError", "gone"] if name == "fails" else ["", "", *blocks({"told": name})]

    made = Guest(ask)
    made.asked = asked
    return made


@pytest.fixture
def run(guest):
    def run(code, variables=None, **head):
        parts = [] if variables is None else blocks(variables)
        return read(guest.execute(json.dumps({"code": code, **head}), parts))

    return run


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("1 + 1", 2),
        ("x = 5\nx", 5),
        ("result = 7", 7),
        ("result = 7\nresult + 1", 8),
        ("", None),
        ("import sys\nsys.exit()", None),
        ("raise SystemExit(0)", None),
    ],
)
def test_a_program_gives_its_last_expression_or_what_it_calls_result(run, code, value):
    assert run(code) == value


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        ("1/0", "ZeroDivisionError", "division by zero"),
        ("x = (", "SyntaxError", "'(' was never closed (line 1)"),
        ("import sys\nsys.exit(3)", "SystemExit", "3"),
        ("return 1", "SyntaxError", "'return' outside function (line 1)"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("\0", "SyntaxError", None),
    ],
)
def test_a_failure_is_told_by_its_type_and_text(run, code, kind, message):
    head = run(code)

    assert (head["outcome"], head["error_type"]) == ("failed", kind)
    assert message is None or head["message"] == message


def test_a_value_that_cannot_cross_is_told_with_its_path(run):
    head = run("[1, {'a': object()}]")

    assert head["error_type"] == "ValueEncodeError"
    assert head["message"].startswith("value[1]['a'] (object)")


def test_no_memory_and_too_large_values_are_outcomes_of_their_own(run):
    assert run("raise MemoryError") == {"outcome": "memory"}
    assert run("'x' * 5000", result_bytes=4000)["outcome"] == "result"
    assert run("'x' * 5000", result_bytes=6000) == "x" * 5000


def test_names_stay_in_a_session_alone_and_are_read_by_name(run):
    run("kept = [1]", keep=True)

    assert run("kept.append(2); kept", keep=True) == [1, 2]
    assert run("", keep=True, read="kept") == [1, 2]
    assert run("", keep=True, read="nothing") == {"outcome": "missing"}
    assert run("kept")["error_type"] == "NameError"


def test_a_traceback_shows_lines_of_an_earlier_call_of_the_session(run):
    run("def f():\n    raise ValueError('x')", keep=True)
    traceback = run("f()", keep=True)["traceback"]

    assert "File \"<guest 0>\", line 2, in f\n    raise ValueError('x')" in traceback
    assert 'File "<guest 1>", line 1, in <module>\n    f()' in traceback


def test_tools_are_asked_with_both_kinds_of_arguments_and_fail_as_tool_errors(run, guest):
    assert run("look(1, key=(2,))", tools=["look"]) == {"told": "look"}
    assert guest.asked == [("look", [[1], {"key": (2,)}])]

    caught = "try:\n    fails()\nexcept ToolError as e:\n    result = [e.tool, e.error_type, e.message]"
    assert run(caught, tools=["fails"]) == ["fails", "KeyError", "gone"]


def test_a_tool_of_an_earlier_call_is_over_and_says_so(run):
    run("kept = look", keep=True, tools=["look"])

    assert "is over" in run("kept()", keep=True)["message"]


def test_an_argument_that_cannot_cross_is_told_with_the_name_of_the_tool(run):
    head = run("look([object()])", tools=["look"])

    assert head["message"].startswith("look(): args[0][0] (object) cannot")


def test_code_that_awaits_is_known_by_its_flags_and_run_to_its_end(guest):
    assert compiled("await x", "<guest>").awaits
    assert not compiled("async def f(): await x", "<guest>").awaits

    async def both():
        head = {"code": "import asyncio\nawait asyncio.sleep(0)\nx = await asyncio.sleep(0, 41)\nx + 1"}
        done = await guest.execute(json.dumps(head), [])
        failed = await guest.execute(json.dumps({"code": "import asyncio\nawait asyncio.sleep(0)\n1/0"}), [])
        return read(done), read(failed)

    value, failed = asyncio.run(both())
    assert value == 42
    assert failed["error_type"] == "ZeroDivisionError"
    assert '"<guest>", line 3' in failed["traceback"]


def test_what_a_call_has_awaited_in_vain_is_cancelled_at_its_end(guest):
    async def given_up():
        task = guest.execute(json.dumps({"code": "import asyncio\nawait asyncio.Event().wait()"}), [])
        asyncio.get_running_loop().call_soon(guest.end)  # after the first step of the task
        return read(await task)

    assert asyncio.run(given_up())["error_type"] == "CancelledError"


def test_numpy_data_of_the_host_is_refused_where_there_is_no_numpy(run):
    head = run("x", {"x": __import__("numpy").zeros(3)})

    assert (head["outcome"], head["error_type"]) == ("failed", "ValueDecodeError")
    assert "no numpy" in head["message"]


@pytest.mark.parametrize(
    ("variables", "path"),
    [({"x": object}, "value['x']"), ({"x": [1, ({"y": object},)]}, "value['x'][1][0]['y']")],
)
def test_an_object_of_the_host_is_refused_with_its_path_and_not_made(guest, variables, path):
    encoded = values.encode(variables, opaque=lambda _: b"never made")
    parts = [Block(encoded.structure), *map(Block, encoded.buffers)]
    refused = read(guest.execute(json.dumps({"code": "1"}), parts))

    assert refused["error_type"] == "ValueEncodeError"
    assert refused["message"].startswith(f"{path} (opaque) cannot cross: it is an object of the host's")

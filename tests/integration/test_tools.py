"""Guests call functions of the host: what crosses, who runs them, and how a call ends."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from decimal import Decimal

import pytest

from dspex_actors import (
    Completed,
    ConfigError,
    Execute,
    ExecutionContext,
    Failed,
    LimitExceeded,
    Limits,
    Policy,
    PythonExecutor,
    run,
)
from dspex_actors._config import ExecutorConfig
from dspex_actors.executors import ToolLoop
from supervisors import Supervisor
from tests.integration._tools import CEILING_S, Events, generations, runtime_of

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")

COLOUR = contextvars.ContextVar("COLOUR", default="none")
MANY = 10_000
STRICT = Policy(profile="strict")


def search(query, *, limit=2):
    return [f"{query} {n}" for n in range(limit)]


def fail():
    msg = "no such row"
    raise LookupError(msg)


async def double(x):
    return await asyncio.to_thread(lambda: 2 * x)


DOORS = {
    "execute": lambda runtime, *args, **options: runtime.execute(*args, **options),
    "submit": lambda runtime, *args, **options: runtime.submit(*args, **options).result(CEILING_S),
    "aexecute": lambda runtime, *args, **options: asyncio.run(runtime.aexecute(*args, **options)),
    "call": lambda runtime, *args, **options: runtime.executor.call(Execute(*args, **options), timeout=None),
    "a context": lambda runtime, code, **options: runtime.executor.call(
        Execute(code, context=ExecutionContext(**options)), timeout=None
    ),
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_a_guest_calls_a_function_of_the_host(runtime, door):
    result = door(runtime, "search('a') + search('b', limit=1)", tools={"search": search})

    assert result.value == ["a 0", "a 1", "b 0"]
    assert result.usage.tool_calls == 2


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_a_guest_calls_an_async_function_as_any_other(runtime, door):
    assert door(runtime, "double(double(3))", tools={"double": double}).value == 12


def test_a_request_that_nobody_waits_for_may_call_tools(runtime):
    called = threading.Event()
    events = Events(runtime.telemetry)
    runtime.execute_async("note()", tools={"note": called.set}, tag="cast")

    assert called.wait(CEILING_S)
    ((measurements, facts),) = events.wait("execution.finished")
    assert (measurements["tool_calls"], facts["outcome"], facts["tag"]) == (1, "completed", "cast")
    ((_, call),) = events.named("tool.called")
    assert (call["tool"], call["outcome"], call["tag"]) == ("note", "returned", "cast")
    assert call["execution"] == facts["execution"]


def test_the_one_liner_takes_tools_too():
    assert run("double(21)", tools={"double": double}).unwrap() == 42


def test_values_cross_exactly_in_both_directions(runtime):
    seen = []
    value = {"t": (1, {2}), "d": Decimal("1.10"), 5: [None, b"x" * 100_000]}

    def swap(x):
        seen.append(x)
        return value

    result = runtime.execute("swap((1, {2}, 2**70, b'y' * 100_000))", tools={"swap": swap})

    assert result.value == value
    assert seen == [(1, {2}, 2**70, b"y" * 100_000)]


def test_the_same_code_may_use_variables_and_tools(runtime):
    result = runtime.execute("f(x)", variables={"x": 3}, tools={"f": lambda x: x + 1})

    assert result.value == 4


def test_state_stays_in_the_host_where_a_pickled_function_takes_a_copy(runtime):
    tool, copy = [], []

    runtime.execute("add(1)\nadd(2)", tools={"add": tool.append})
    runtime.execute("add(1)\nadd(2)", variables={"add": copy.append})

    assert (tool, copy) == ([1, 2], [])


def test_ten_thousand_calls_of_one_guest_are_all_answered(runtime):
    code = f"total = 0\nfor n in range({MANY}):\n    total += double(n)\ntotal"
    limits = Limits(time_s=60, tool_calls=MANY)
    result = runtime.execute(code, tools={"double": lambda n: 2 * n}, limits=limits)

    assert result.value == MANY * (MANY - 1)
    assert result.usage.tool_calls == MANY


@pytest.mark.parametrize(("allowed", "calls"), [(0, 0), (3, 3), (None, 1500)])
def test_a_guest_may_call_as_often_as_its_limit_says(runtime, allowed, calls):
    limits = Limits(time_s=CEILING_S, tool_calls=allowed)
    result = runtime.execute(f"[f(n) for n in range({calls})]", tools={"f": lambda n: n}, limits=limits)

    assert result.value == list(range(calls))
    assert result.usage.tool_calls == calls


@pytest.mark.parametrize("allowed", [0, 3, 1000])
def test_one_call_more_than_allowed_ends_the_guest_and_is_not_made(runtime, allowed):
    made = []
    limits = Limits(time_s=CEILING_S) if allowed == 1000 else Limits(time_s=CEILING_S, tool_calls=allowed)
    code = f"for n in range({allowed} + 1):\n    try: f(n)\n    except BaseException: pass\n'went on'"
    result = runtime.execute(code, tools={"f": made.append}, limits=limits)

    assert isinstance(result, LimitExceeded), result
    assert (result.limit, result.allowed, result.used) == ("tool_calls", allowed, allowed + 1)
    assert str(result) == f"the guest exceeded its tool_calls limit of {allowed} calls"
    assert len(made) == allowed


@pytest.mark.parametrize("error", [LookupError, SystemExit, KeyboardInterrupt])
def test_a_tool_that_raises_is_an_error_that_guests_catch_by_name(runtime, error):
    def raising():
        raise error("no such row")

    code = "try:\n    fail()\nexcept ToolError as e:\n    r = [e.tool, e.error_type, e.message]\nr"

    assert runtime.execute(code, tools={"fail": raising}).value == ["fail", error.__name__, "no such row"]
    assert generations(runtime)["executor"] == 1


def test_an_uncaught_error_of_a_tool_fails_with_the_guests_lines_only(runtime):
    result = runtime.execute("x = 1\ndef g():\n    return fail()\ng()", tools={"fail": fail})

    assert isinstance(result, Failed)
    assert (result.error.type, result.error.message) == ("ToolError", "fail: LookupError: no such row")
    assert [line.strip() for line in result.error.traceback.splitlines() if "File" in line] == [
        'File "<guest>", line 4, in <module>',
        'File "<guest>", line 3, in g',
    ]
    assert __file__ not in str(result)


def test_an_argument_that_cannot_cross_is_named_in_the_guest(runtime):
    made = []
    code = "try:\n    f({'rows': [1, print]})\nexcept ValueError as e:\n    r = str(e)\nr"
    caught = runtime.execute(code, tools={"f": made.append})
    uncaught = runtime.execute("f(1, by=lambda: 0)", tools={"f": made.append})

    assert caught.value.startswith("f(): args[0]['rows'][1] (builtin_function_or_method) cannot cross")
    assert uncaught.error.type == "ValueEncodeError"
    assert uncaught.error.message.startswith("f(): kwargs['by'] (function) cannot cross")
    assert made == []


def test_arguments_larger_than_a_result_may_be_are_refused_in_the_guest(runtime):
    limits = Limits(time_s=CEILING_S, result_bytes=1000)
    code = "f(b'x' * 900)\ntry:\n    f(b'x' * 1000)\nexcept ValueError as e:\n    r = str(e)\nr"
    made = []
    result = runtime.execute(code, tools={"f": lambda x: made.append(len(x))}, limits=limits)

    assert "at most 1000 may" in result.value
    assert made == [900]


def test_a_value_that_cannot_come_back_is_a_tool_error_that_names_it(runtime):
    result = runtime.execute("f()", tools={"f": lambda: {"lock": threading.Lock()}})

    assert result.error.type == "ToolError"
    assert result.error.message.startswith("f: ValueEncodeError: f()['lock'] (_thread.lock) cannot cross")


def test_a_value_larger_than_the_guests_memory_is_a_memory_limit(runtime):
    limits = Limits(time_s=CEILING_S, memory_bytes=8 * 2**20)
    result = runtime.execute("len(f())", tools={"f": lambda: bytes(30 * 2**20)}, limits=limits)

    assert isinstance(result, LimitExceeded), result
    assert result.limit == "memory"


def test_threads_of_a_guest_take_turns_at_the_tools(runtime):
    inside, most, lock = [0], [0], threading.Lock()

    def echo(x):
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        with lock:
            inside[0] -= 1
        return x

    code = """
import threading
wrong = []
def work(number):
    for step in range(50):
        print(number, step)
        if echo((number, step)) != (number, step):
            wrong.append((number, step))
threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
wrong
"""
    result = runtime.execute(code, tools={"echo": echo})

    assert isinstance(result, Completed), result
    assert (result.value, most[0], result.usage.tool_calls) == ([], 1, 200)


def test_an_execution_ends_after_the_call_that_a_thread_of_it_has_under_way(runtime):
    entered, release = threading.Event(), threading.Event()

    def wait():
        entered.set()
        return release.wait(CEILING_S)

    code = "import threading\nthreading.Thread(target=wait, daemon=True).start()\n'through'"
    future = runtime.submit(code, tools={"wait": wait})
    assert entered.wait(CEILING_S)
    early = future.done()
    release.set()

    assert future.result(CEILING_S).value == "through"
    assert not early


def test_output_arrives_while_a_tool_is_running(runtime):
    seen, release = threading.Event(), threading.Event()
    code = """
import threading
threading.Thread(target=wait).start()
print("beside")
"""

    def wait():
        return seen.wait(CEILING_S)

    def on_output(stream, text):
        del stream
        if "beside" in text:
            seen.set()

    result = runtime.execute(code, tools={"wait": wait}, on_output=on_output)
    release.set()

    assert seen.is_set()
    assert isinstance(result, Completed)


def test_a_tool_sees_its_callers_context_variables_also_from_the_queue():
    COLOUR.set("red")
    with runtime_of(spares=0, max_workers=1) as runtime:
        futures = [runtime.submit("colour()", tools={"colour": COLOUR.get}) for _ in range(3)]
        COLOUR.set("blue")

        assert [future.result(CEILING_S).value for future in futures] == ["red"] * 3


def test_an_async_tool_runs_in_the_loop_of_aexecute_and_in_one_of_the_runtime_otherwise():
    loops = []

    async def note():
        loops.append(asyncio.get_running_loop())

    async def main(runtime):
        await runtime.aexecute("note()", tools={"note": note})
        return asyncio.get_running_loop()

    with runtime_of(spares=1) as runtime:
        callers = asyncio.run(main(runtime))
        runtime.execute("note()", tools={"note": note})
        runtime.execute("note()", tools={"note": note}, policy=STRICT)

    assert loops[0] is callers
    assert loops[1] is loops[2] is not callers


def test_the_loop_goes_on_while_sync_and_async_tools_run(runtime):
    release = threading.Event()

    async def main():
        loop, entered, gate = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

        def blocked():
            loop.call_soon_threadsafe(entered.set)
            return "sync" if release.wait(CEILING_S) else "the loop was blocked"

        async def opened():
            entered.set()
            await gate.wait()
            return "async"

        tools = {"blocked": blocked, "opened": opened}
        task = asyncio.create_task(runtime.aexecute("[blocked(), opened()]", tools=tools))
        await asyncio.wait_for(entered.wait(), CEILING_S)
        entered.clear()
        release.set()
        await asyncio.wait_for(entered.wait(), CEILING_S)
        gate.set()
        return await task

    assert asyncio.run(main()).value == ["sync", "async"]


def test_strict_code_calls_tools_and_cannot_open_them():
    code = "try:\n    fail()\nexcept ToolError as e:\n    r = [search('a'), e.error_type]\nr"
    with runtime_of(policy=STRICT, spares=1) as runtime:
        result = runtime.execute(code, tools={"fail": fail, "search": search})
        opened = runtime.execute("search.__globals__", tools={"search": search})
        guard = runtime.execute("1", tools={"_getattr_": search})

    assert result.value == [["a 0", "a 1"], "LookupError"]
    assert isinstance(opened, Failed)
    assert isinstance(guard, Failed)
    assert "_getattr_" in guard.error.message


def test_a_tool_is_gone_with_its_request(runtime):
    runtime.execute("search('a')", tools={"search": search})

    assert runtime.execute("search('a')").error.type == "NameError"


def test_the_arguments_are_refused_before_anything_is_run(runtime):
    with pytest.raises(ConfigError):
        runtime.execute("1", tools={"f": 5})


def test_an_executor_in_a_tree_of_ones_own_runs_async_tools_in_a_loop_that_ends_with_it():
    threads = []

    async def note():
        threads.append(threading.current_thread())

    config = ExecutorConfig(spares=1, limits=Limits(time_s=CEILING_S))
    with Supervisor.start([PythonExecutor.child_spec(config, id="py")], strategy="one_for_one") as tree:
        for _ in range(2):
            tree.child("py").call(Execute("note()", tools={"note": note}), timeout=None)
        first, second = threads
        alive = first.is_alive()

    assert first is second
    assert (first.name, alive, first.is_alive()) == ("dspex-tool-loop", True, False)


def test_executors_of_one_tree_may_share_a_loop_that_outlives_them():
    loop = ToolLoop()
    loops = []

    async def note():
        loops.append(asyncio.get_running_loop())

    config = ExecutorConfig(spares=1, limits=Limits(time_s=CEILING_S))
    specs = [PythonExecutor.child_spec(config, id=name, tool_loop=loop) for name in "ab"]
    with Supervisor.start(specs, strategy="one_for_one") as tree:
        for name in "ab":
            tree.child(name).call(Execute("note()", tools={"note": note}), timeout=None)
    after = loop.get()

    assert loops == [after, after]
    assert loop.close(CEILING_S)

"""Python in Pyodide: what is its own, beside the contract of all languages."""

from __future__ import annotations

import pytest

from dspex_actors import MIB, Completed, Failed, LimitExceeded, Limits, Policy, WorkerDied
from tests._engines import need_engine
from tests.integration._tools import SHORT

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")

DEAF = "while True:\n    try:\n        while True: pass\n    except KeyboardInterrupt: pass"


@pytest.fixture(scope="module", autouse=True)
def _engine():
    need_engine("pyodide")


@pytest.fixture(scope="module")
def session(runtime):
    with runtime.session(language="pyodide") as session:
        yield session


def test_guests_have_python_in_webassembly(session):
    code = "import sys, platform\n[sys.platform, platform.machine(), sys.version_info[:2]]"

    assert session.execute(code).value == ["emscripten", "wasm32", (3, 13)]


def test_code_awaits_at_top_level_and_gives_what_comes_after(session):
    code = "import asyncio\nawait asyncio.sleep(0.001)\nx = await asyncio.gather(*[asyncio.sleep(0, n) for n in range(3)])\nsum(x)"

    assert session.execute(code).value == 3


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("import asyncio\nawait asyncio.Event().wait()", "RuntimeError", "it waits for what nothing will settle"),
        ("import asyncio\nawait asyncio.sleep(0)\n1/0", "ZeroDivisionError", "division by zero"),
        ("import asyncio, js\nfrom pyodide.code import run_js\nrun_js('setTimeout(() => { throw new Error(\"late\") })')\nawait asyncio.sleep(30)", "JsException", "late"),
        ("from pyodide.code import run_js\nrun_js('null.x')", "JsException", "Cannot read properties of null"),
        ("import numpy", "ModuleNotFoundError", "No module named 'numpy'"),
        ("def f(): f()\nf()", "RecursionError", "maximum recursion depth exceeded"),
    ],
)
def test_a_failure_is_told_and_the_session_goes_on(session, code, kind, said):
    result = session.execute(code)

    assert isinstance(result, Failed), result
    assert result.error.type == kind
    assert said in result.error.message
    assert session.execute("6 * 7").value == 42


def test_tools_are_called_while_code_runs_and_while_it_awaits(session):
    code = "import asyncio\nfirst = double((1, 2))\nawait asyncio.sleep(0)\n[first, double(word='x')]"
    result = session.execute(code, tools={"double": lambda *args, **kwargs: [args, kwargs]})

    assert isinstance(result, Completed), result
    assert result.value == [[((1, 2),), {}], [(), {"word": "x"}]]
    assert result.usage.tool_calls == 2


def test_files_in_the_working_directory_are_the_scratch_folders_and_come_back(runtime):
    policy = Policy(profile="shell", packages=(), files=("*.txt",))
    code = (
        "import os\nopen('a.txt', 'w').write('x')\n"
        "try:\n    open('b.bin', 'wb').write(bytes(3_000_000))\nexcept OSError as e:\n    told = e.strerror\n"
        "[os.getcwd(), told]"
    )
    result = runtime.execute(code, language="pyodide", policy=policy, limits=Limits(file_bytes=2 * MIB))

    assert isinstance(result, Completed), result
    assert result.value == ["/home/pyodide", "File too large"]
    assert {name: bytes(content) for name, content in result.files.items()} == {"a.txt": b"x"}


def test_a_snapshot_does_not_make_all_guests_draw_the_same_numbers(runtime):
    code = "import random, os, uuid\n[random.random(), os.urandom(8), str(uuid.uuid4())]"
    first, second = (runtime.execute(code, language="pyodide").value for _ in range(2))

    assert all(one != other for one, other in zip(first, second, strict=True))


def test_a_program_is_interrupted_at_its_deadline_and_may_tidy_up(runtime):
    code = "try:\n    while True: pass\nfinally:\n    print('tidied')"
    result = runtime.execute(code, language="pyodide", limits=SHORT)

    assert isinstance(result, LimitExceeded), result
    assert (result.limit, result.allowed, result.stdout) == ("time", SHORT.time_s, "tidied\n")


@pytest.mark.parametrize(
    ("code", "interrupted"),
    [
        ("while True: pass", True),
        ("import asyncio\nawait asyncio.sleep(1000)", True),
        ("try:\n    while True: pass\nexcept KeyboardInterrupt: pass\n5", True),
        (DEAF, False),
        ("from pyodide.code import run_js\nrun_js('for (;;);')", False),
    ],
)
def test_a_deadline_ends_a_call_by_an_interrupt_or_by_a_kill_and_resets_the_session(session, code, interrupted):
    session.execute("before = 1")
    result = session.execute(code, limits=SHORT)

    assert isinstance(result, LimitExceeded), result
    assert (result.limit, result.session.fate) == ("time", "lost")
    assert (result.usage.cpu_s is not None) is interrupted  # who is killed tells nothing any more
    assert session.execute("before").error.type == "NameError"


@pytest.mark.parametrize(
    ("code", "kind", "facts"),
    [
        ("import js\njs.process.exit(3)", WorkerDied, {"exit_code": 3}),
        ("import js\njs.process.abort()", WorkerDied, {"signal": 6}),
        ("from pyodide.code import run_js\nrun_js('const l = []; for (;;) l.push(new ArrayBuffer(2 ** 20))')", LimitExceeded, {"limit": "memory"}),
        ("x = 'x' * 2 ** 30", LimitExceeded, {"limit": "memory"}),
        ("l = []\nwhile True: l.append([len(l)])", LimitExceeded, {"limit": "memory"}),
    ],
)
def test_each_way_to_end_a_program_has_its_result(runtime, code, kind, facts):
    result = runtime.execute(code, language="pyodide", limits=Limits(time_s=60.0, memory_bytes=64 * MIB))

    assert isinstance(result, kind), result
    assert {name: getattr(result, name) for name in facts} == facts

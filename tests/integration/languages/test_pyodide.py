"""Python in Pyodide: what is its own, beside the contract of all languages."""

from __future__ import annotations

import pytest

from dspex_actors import MIB, Completed, Failed, LimitExceeded, Limits, Policy, WorkerDied
from tests._engines import need_engine
from tests.integration._tools import SHORT, runtime_of

SLOW = pytest.mark.slow  # what a start of Pyodide costs, is paid by few tests
pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")

LATE = (
    "import asyncio\nfrom pyodide.code import run_js\n"
    "run_js('setTimeout(() => { throw new Error(\"late\") })')\nawait asyncio.sleep(30)"
)
BUFFERS = "from pyodide.code import run_js\nrun_js('const l = []; for (;;) l.push(new ArrayBuffer(2 ** 20))')"
TIDY = "try:\n    while True: pass\nfinally:\n    print('tidied')"
DEAF = "while True:\n    try:\n        while True: pass\n    except KeyboardInterrupt: pass"


@pytest.fixture(scope="module", autouse=True)
def _engine():
    need_engine("pyodide")


@pytest.fixture(scope="module")
def runtime(clean_module):  # noqa: ARG001 -- set up before
    with runtime_of(limits=Limits(time_s=30.0), spares=0, start_timeout_s=60.0) as runtime:
        yield runtime
    assert runtime.stop().clean


@pytest.fixture(scope="module")
def session(runtime):
    with runtime.session(language="pyodide") as session:
        yield session


def test_guests_have_python_in_webassembly(session):
    code = "import sys, platform\n[sys.platform, platform.machine(), sys.version_info[:2]]"

    assert session.execute(code).value == ["emscripten", "wasm32", (3, 13)]


def test_code_awaits_at_top_level_and_gives_what_comes_after(session):
    code = (
        "import asyncio\nawait asyncio.sleep(0.001)\n"
        "x = await asyncio.gather(*[asyncio.sleep(0, n) for n in range(3)])\nsum(x)"
    )

    assert session.execute(code).value == 3


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        (
            "import asyncio\nawait asyncio.Event().wait()",
            "RuntimeError",
            "it waits for what nothing will settle",
        ),
        ("import asyncio\nawait asyncio.sleep(0)\n1/0", "ZeroDivisionError", "division by zero"),
        (LATE, "JsException", "late"),
        (
            "from pyodide.code import run_js\nrun_js('null.x')",
            "JsException",
            "Cannot read properties of null",
        ),
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


def test_a_call_is_not_ended_by_the_deadline_of_an_earlier_one_and_waits_for_nothing_of_it(session):
    code = "import asyncio\nkept = asyncio.ensure_future(asyncio.sleep(1000, 'over'))\nawait asyncio.sleep(0)"
    session.execute(code, limits=Limits(time_s=1.0))
    waited = session.execute(
        "import asyncio\nawait asyncio.sleep(1.3)\nkept.done()", limits=Limits(time_s=30)
    )
    in_vain = session.execute("import asyncio\nawait asyncio.Event().wait()")

    assert isinstance(waited, Completed), waited
    assert waited.value is False
    assert in_vain.error.message == "it waits for what nothing will settle"


def test_tools_are_called_while_code_runs_and_while_it_awaits(session):
    code = "import asyncio\nfirst = double((1, 2))\nawait asyncio.sleep(0)\n[first, double(word='x')]"
    result = session.execute(code, tools={"double": lambda *args, **kwargs: [args, kwargs]})

    assert isinstance(result, Completed), result
    assert result.value == [[((1, 2),), {}], [(), {"word": "x"}]]
    assert result.usage.tool_calls == 2


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_snapshot_does_not_make_all_guests_draw_the_same_numbers(runtime):
    code = "import random, os, uuid\n[random.random(), os.urandom(8), str(uuid.uuid4())]"
    first, second = (runtime.execute(code, language="pyodide").value for _ in range(2))

    assert all(one != other for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize(
    ("code", "interrupted"),
    [
        (TIDY, True),
        pytest.param("import asyncio\nawait asyncio.sleep(1000)", True, marks=SLOW),
        pytest.param("try:\n    while True: pass\nexcept KeyboardInterrupt: pass\n5", True, marks=SLOW),
        (DEAF, False),
        pytest.param("from pyodide.code import run_js\nrun_js('for (;;);')", False, marks=SLOW),
    ],
)
def test_a_deadline_ends_a_call_by_an_interrupt_or_by_a_kill_and_resets_the_session(
    session, code, interrupted
):
    session.execute("before = 1")
    result = session.execute(code, limits=SHORT)

    assert isinstance(result, LimitExceeded), result
    assert (result.limit, result.session.fate) == ("time", "lost")
    assert result.stdout == ("tidied\n" if code == TIDY else "")
    assert (result.usage.cpu_s is not None) is interrupted  # who is killed tells nothing any more
    assert session.execute("before").error.type == "NameError"


@pytest.mark.parametrize(
    ("code", "kind", "facts"),
    [
        ("import js\njs.process.exit(3)", WorkerDied, {"exit_code": 3}),
        pytest.param("import js\njs.process.abort()", WorkerDied, {"signal": 6}, marks=SLOW),
        pytest.param(BUFFERS, LimitExceeded, {"limit": "memory"}, marks=SLOW),
        pytest.param("x = 'x' * 2 ** 30", LimitExceeded, {"limit": "memory"}, marks=SLOW),
        pytest.param("l = []\nwhile True: l.append([])", LimitExceeded, {"limit": "memory"}, marks=SLOW),
    ],
)
def test_each_way_to_end_a_program_has_its_result(runtime, code, kind, facts):
    result = runtime.execute(code, language="pyodide", limits=Limits(time_s=60.0, memory_bytes=64 * MIB))

    assert isinstance(result, kind), result
    assert {name: getattr(result, name) for name in facts} == facts

"""What JavaScript does beside the contract of languages: the console, timers, imports, exits, permissions."""

from __future__ import annotations

import socket

import pytest

from dspex_actors import MIB, Completed, Failed, LimitExceeded, Limits, Policy, WorkerDied
from dspex_actors.executors.languages import JAVASCRIPT, find_engine
from dspex_actors.workers import _request
from dspex_actors.workers._protocol import Request
from tests._engines import need_engine
from tests.integration._tools import CEILING_S

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")


@pytest.fixture(scope="module", autouse=True)
def _engine():
    need_engine("javascript")


@pytest.fixture(scope="module")
def session(runtime):
    with runtime.session(language="javascript") as session:
        yield session


@pytest.mark.parametrize(
    ("code", "stdout", "stderr"),
    [
        ("console.log('a', 1, [2], { b: 3n })", "a 1 [ 2 ] { b: 3n }\n", ""),
        ("console.info('%s is %d', 'a', 3)", "a is 3\n", ""),
        ("console.debug(new Map([[1, 2]]))", "Map(1) { 1 => 2 }\n", ""),
        ("console.warn('w'); console.error('e')", "", "w\ne\n"),
        (
            "console.group('g'); console.log('in'); console.groupEnd(); console.log('out')",
            "g\n  in\nout\n",
            "",
        ),
        ("console.assert(true, 'no'); console.assert(false, 'yes')", "", "Assertion failed: yes\n"),
        ("process.stdout.write('no newline')", "no newline", ""),
        ("console.log('\\x1b[31m')", "\x1b[31m\n", ""),
    ],
)
def test_the_console_writes_each_level_to_its_stream(session, code, stdout, stderr):
    result = session.execute(f"{code}; undefined")

    assert (result.value, result.stdout, result.stderr) == (None, stdout, stderr)


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("const a = 1;\nconst ü = '𝄞'; let b c", (2, 22)),
        ("({ a: 1", (1, 8)),
        ("import fs from 'fs'; let b c", (1, 0)),
        ("import fs from 'fs';\nlet b c", (2, 7)),
        ("eval('a b')", None),
        ("JSON.parse('{')", None),
        ("const e = new SyntaxError('mine'); e.stack = ''; throw e", None),
    ],
)
def test_code_that_does_not_compile_has_its_place_as_far_as_that_is_exact(session, code, place):
    result = session.execute(code)

    assert result.error.type == "SyntaxError"
    assert [(each.line, each.column) for each in result.diagnostics] == ([] if place is None else [place])


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("await new Promise((done) => setTimeout(done, 5, 'late'))", "late"),
        ("const five = await Promise.resolve(5);\nfive + 1", 6),
        ("for await (const x of [Promise.resolve(7)]) var seven = x;\nseven", 7),
        ("(async () => { await null; return [1]; })()", [1]),
        ("setInterval(() => {}, 1000).unref(); 1", 1),
        ("import { join as j } from 'node:path';\nimport fs, * as all from 'fs';\nj('a', 'b')", "a/b"),
        ("import 'fs'\n/* then */ import * as url from \"url\"; typeof url.parse", "function"),
        ("const os = await import('node:os'); typeof os.EOL", "string"),
        ("require('crypto').createHash('sha256').update('x').digest('hex').slice(0, 8)", "2d711642"),
        ("new Function('return 7')() + eval('1')", 8),
        ("new TextDecoder().decode(new TextEncoder().encode('ü'))", "ü"),
        ("structuredClone(new Map([['a', 1]]))", {"a": 1}),
        ("new URL('../b', 'http://h/a/c').pathname", "/b"),
        ("'// import x from y'", "// import x from y"),
        ("`\nimport fs from 'fs'\n`.length", 21),
        ("setTimeout(() => {}, 1)", None),
        ("// a comment at the end\n1 // here", 1),
        ("function f() { return 1 }", None),
        ("", None),
        ("if (true) { 5 } else { 6 }", 5),
    ],
)  # fmt: skip
def test_a_program_of_today_runs_as_it_is_written(session, code, value):
    result = session.execute(code)

    assert isinstance(result, Completed), result
    assert result.value == value


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        ("await new Promise(() => {})", "Error", "it waits for a promise that nothing will settle"),
        ("setTimeout(() => { throw new RangeError('late') }, 1); 1", "RangeError", "late"),
        ("Promise.reject(new EvalError('nobody')); 1", "EvalError", "nobody"),
        ("await Promise.reject(new TypeError('no'))", "TypeError", "no"),
        ("Promise.reject(new TypeError('no'))", "TypeError", "no"),
        ("throw { code: 5 }", "Uncaught", "{ code: 5 }"),
        ("throw null", "Uncaught", "null"),
        (
            "throw Object.defineProperty(new Error('m'), 'stack', { get() { throw 1 } })",
            "Error",
            "m",
        ),
        (
            "class OwnError extends Error { name = 'OwnError' }; throw new OwnError('mine')",
            "OwnError",
            "mine",
        ),
        ("(function f() { f() })()", "RangeError", "Maximum call stack size exceeded"),
        ("return 5", "SyntaxError", "Illegal return statement (line 1)"),
        ("(((", "SyntaxError", "Unexpected end of input (line 1)"),
        ("nothing.there", "ReferenceError", "nothing is not defined"),
    ],
)
def test_a_failure_has_the_name_and_the_words_of_its_error(session, code, kind, message):
    result = session.execute(code)

    assert isinstance(result, Failed), result
    assert (result.error.type, result.error.message) == (kind, message)
    assert session.execute("1").value == 1


def test_calls_that_wait_for_ever_leave_nothing_that_ends_a_later_one(session):
    for _ in range(3):
        assert isinstance(session.execute("await new Promise(() => {})"), Failed)
        session.execute("setTimeout(() => { throw 1 }, 1); await new Promise(() => {})")
    for _ in range(3):
        kept = session.execute("const many = []; for (let i = 0; i < 3e5; i++) many.push({ i }); many.length")

        assert (kept.value, kept.session.fate) == (300_000, "kept")


def test_a_program_that_waits_for_ever_outlives_collections_of_garbage(session):
    code = (
        "let n = 0, l; const t = setInterval(() => { l = Array.from({ length: 2e5 }, () => ({})); "
        "if (++n === 5) clearInterval(t) }, 1);\nawait new Promise(() => {})"
    )

    assert session.execute(code).error.message == "it waits for a promise that nothing will settle"
    assert session.execute("n").value == 5


def test_a_stack_has_the_guests_own_lines_and_the_cause_of_the_error(session):
    code = "function f() {\n  throw new Error('a', { cause: new TypeError('b') });\n}\nf();"
    lines = session.execute(code).error.traceback.splitlines()

    assert lines[0] == "Error: a"
    assert lines[1].startswith("    at f (<guest-")
    assert lines[1].endswith(":2:9)")
    assert lines[3] == "Caused by: TypeError: b"
    assert not any("node:" in line or ".cjs" in line for line in lines)


def test_a_program_that_does_not_compile_is_shown_with_a_mark_below_the_place(session):
    lines = session.execute("let a = 1;\nlet b = ;").error.traceback.splitlines()

    assert lines[0].endswith(">:2")
    assert lines[1:] == ["let b = ;", "        ^", "SyntaxError: Unexpected token ';' (line 2)"]


def test_names_can_be_declared_again_and_variables_of_the_host_replace_them(session):
    session.execute("const again = 1; let other = 1; class Thing {}; function f() { return 1 }")

    assert session.execute("const again = 2; class Thing { x = 1 }; again").value == 2
    assert session.execute("other", variables={"other": 3}).value == 3
    refused = session.execute("again", variables={"again": 3})
    assert (refused.error.type, refused.error.message) == (
        "NameError",
        "the variable again is a constant of this session",
    )


def test_a_variable_whose_name_javascript_keeps_for_itself_is_refused(session):
    refused = session.execute("1", variables={"new": 1})

    assert refused.error.message == "the variable new is no name in JavaScript"


def test_tools_are_called_with_positional_arguments_and_fail_as_errors(session):
    def halve(number):
        return number / 2

    code = "let told; try { halve('x') } catch (e) { told = [e.name, e.tool, e.error_type, e.message] }\n"
    result = session.execute(f"{code}[halve(5), await halve(3), told]", tools={"halve": halve})

    assert isinstance(result, Completed), result
    assert result.value[:2] == [2.5, 1.5]
    assert result.value[2][:3] == ["ToolError", "halve", "TypeError"]
    assert result.value[2][3].startswith("halve: TypeError: unsupported operand")
    assert result.usage.tool_calls == 3


@pytest.mark.parametrize(
    ("code", "kind", "facts"),
    [
        ("process.exit(0)", Completed, {"value": None}),
        ("console.log('x'); process.exit()", Completed, {"stdout": "x\n"}),
        ("process.exit(3)", WorkerDied, {"exit_code": 3}),
        ("process.exitCode = 4", Completed, {"value": 4}),
        ("process.abort()", WorkerDied, {"signal": 6}),
        ("process.kill(process.pid, 'SIGKILL')", WorkerDied, {"signal": 9}),
        ("new ArrayBuffer(2 ** 30)", LimitExceeded, {"limit": "memory"}),
        ("const l = []; for (;;) l.push(new ArrayBuffer(2 ** 20))", LimitExceeded, {"limit": "memory"}),
        ("const l = []; for (;;) l.push({ l: [1.5] })", LimitExceeded, {"limit": "memory"}),
        ("setInterval(() => {}, 10)", LimitExceeded, {"limit": "time"}),
        ("for (;;) await null", LimitExceeded, {"limit": "time"}),
    ],
)
def test_each_way_to_end_a_program_has_its_result(runtime, code, kind, facts):
    limits = Limits(time_s=0.5 if facts.get("limit") == "time" else 60.0, memory_bytes=64 * MIB)
    result = runtime.execute(code, language="javascript", limits=limits)

    assert isinstance(result, kind), result
    assert {name: getattr(result, name) for name in facts} == facts


def test_garbage_is_collected_before_the_limit_of_memory_counts(runtime):
    code = "let n = 0; for (let i = 0; i < 300; i++) n += new Uint8Array(2 ** 20).fill(1)[i];\nn"
    result = runtime.execute(code, language="javascript", limits=Limits(time_s=60.0, memory_bytes=64 * MIB))

    assert isinstance(result, Completed), result
    assert result.value == 300


def test_files_are_written_in_the_scratch_folder_come_back_and_are_limited(runtime):
    policy = Policy(profile="shell", packages=(), files=("*.txt",))
    code = (
        "const fs = require('fs'); fs.writeFileSync('a.txt', 'x');\n"
        "let told; try { fs.writeFileSync('b.bin', Buffer.alloc(3e6)) } catch (e) { told = e.code }; told"
    )
    result = runtime.execute(code, language="javascript", policy=policy, limits=Limits(file_bytes=2 * MIB))

    assert isinstance(result, Completed), result
    assert result.value == "EFBIG"
    assert {name: bytes(content) for name, content in result.files.items()} == {"a.txt": b"x"}


def test_the_permission_model_is_on_where_node_can_leave_the_driver_its_inspector(session):
    version = tuple(map(int, find_engine(JAVASCRIPT).version.split(".")[:2]))
    granted = session.execute(
        "['child', 'worker', 'addon', 'wasi'].map((scope) => process.permission?.has(scope) ?? 'off')"
    ).value

    assert granted == ([False] * 4 if version >= (24, 12) else ["off"] * 4)


def test_a_policy_that_gives_the_hosts_network_lets_node_connect(runtime):
    policy = Policy(profile="shell", packages=(), network="host")
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"require('net').connect({server.getsockname()[1]}, '127.0.0.1', () => process.exit(0)); 1"
        future = runtime.submit(code, language="javascript", policy=policy)
        server.settimeout(CEILING_S)
        connection, _ = server.accept()
        connection.close()
        assert isinstance(future.result(), Completed), future.result()


def test_the_host_ends_a_guest_that_fills_what_the_kernels_limit_does_not_count(runtime, monkeypatch):
    """As machine code would; here the kernel's limit is left out of the way."""
    monkeypatch.setattr(_request, "Request", lambda *fields: Request(*fields[:3], None, *fields[4:]))
    code = "const kept = []; while (kept.length < 64) kept.push(new Uint8Array(2 ** 23).fill(1)); for (;;);"
    result = runtime.execute(code, language="javascript", limits=Limits(time_s=60.0, memory_bytes=64 * MIB))

    assert isinstance(result, LimitExceeded), result
    assert (result.limit, result.allowed) == ("memory", 64 * MIB)

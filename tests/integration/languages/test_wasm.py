"""WebAssembly: exports and their arguments, WASI, tools, traps, fuel, sessions."""

from __future__ import annotations

import threading

import pytest

from dspex_actors import Completed, ConfigError, Failed, LimitExceeded, Limits, Policy, Profile
from tests.integration.languages._snippets_wasm import WASM

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")

MATHS = """(module
 (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
 (func (export "half") (param f64) (result f64) (f64.div (local.get 0) (f64.const 2)))
 (func (export "both") (param i64 f32) (result i64 f32) (local.get 0) (local.get 1))
 (func (export "nothing"))
 (func (export "gives") (result externref) (ref.null extern)))"""

COUNTER = """(module (global $n (export "n") (mut i32) (i32.const 0))
 (func (export "main") (result i32)
  (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))
 (func (export "back") (global.set $n (i32.const 0))))"""


@pytest.fixture
def run(runtime):
    """Run a module."""

    def run(code, **options):
        return runtime.execute(code, language="wasm", **options)

    return run


@pytest.mark.parametrize(
    ("export", "args", "value"),
    [
        ("add", (2, 40), 42),
        ("add", (2**32 - 1, 2), 1),
        ("half", (5,), 2.5),
        ("both", (2**63 - 1, 0.5), (2**63 - 1, 0.5)),
        ("nothing", (), None),
    ],
)
def test_an_export_is_called_with_its_arguments_and_gives_what_it_returns(run, export, args, value):
    result = run(MATHS, export=export, args=args)

    assert isinstance(result, Completed), result
    assert result.value == value
    assert type(result.value) is type(value)


@pytest.mark.parametrize(
    ("export", "args", "kind", "said"),
    [
        ("", (), "ExportError", "name one as export: add, half, both"),
        ("sub", (1, 2), "ExportError", "no function 'sub'; it has add, half"),
        ("add", (1,), "ArgumentError", "add takes 2 arguments (i32, i32), got 1"),
        ("add", (1, 2, 3), "ArgumentError", "(i32, i32), got 3"),
        ("add", (1, 2**32), "ArgumentError", "argument 2 of add must be a whole number from -2**31"),
        ("add", (1, 2**80), "ArgumentError", "argument 2 of add"),
        ("add", (1, 2.0), "ArgumentError", "argument 2 of add must be a whole number (i32), not 2.0"),
        ("add", ("1", 2), "ArgumentError", "argument 1 of add"),
        ("half", (None,), "ArgumentError", "argument 1 of half must be a number (f64), not None"),
        ("gives", (), "ArgumentError", "no value of the host's"),
    ],
)
def test_a_call_that_does_not_fit_the_module_says_what_would(run, export, args, kind, said):
    result = run(MATHS, export=export, args=args)

    assert isinstance(result, Failed), result
    assert result.error.type == kind
    assert said in result.error.message


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("(unreachable)", "UNREACHABLE"),
        ("(drop (i32.div_s (i32.const 1) (i32.const 0)))", "INTEGER_DIVISION_BY_ZERO"),
        ("(drop (i32.load (i32.const -1)))", "MEMORY_OUT_OF_BOUNDS"),
        ("(call $self)", "STACK_OVERFLOW"),
        ("(call_indirect (i32.const 0))", "INDIRECT_CALL_TO_NULL"),
        ("(drop (i32.trunc_f64_s (f64.const nan)))", "BAD_CONVERSION_TO_INTEGER"),
    ],
)
def test_a_trap_is_a_failure_with_its_code_and_where_it_was(run, body, code):
    result = run(f'(module (memory 1) (table 1 funcref) (func $self (export "main") {body}))')

    assert isinstance(result, Failed), result
    assert result.error.type == "Trap"
    assert result.error.message.startswith(f"{code}: ")
    assert "in self" in result.error.traceback


@pytest.mark.parametrize(("fuel", "enough"), [(20_000, True), (500, False)])
def test_fuel_is_counted_where_there_is_some_and_ends_the_program(run, fuel, enough):
    code = """(module (func (export "main") (result i32) (local $n i32)
     (loop $next (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $n) (i32.const 1000))))
     (local.get $n)))"""
    result = run(code, limits=Limits(fuel=fuel))

    if enough:
        assert result.value == 1000
    else:
        assert isinstance(result, LimitExceeded), result
        assert (result.limit, result.allowed) == ("fuel", fuel)


@pytest.mark.parametrize(
    "code",
    [
        '(module (memory 2000) (func (export "main")))',
        '(module (table 30000000 funcref) (func (export "main")))',
    ],
    ids=["memory", "table"],
)
def test_a_module_that_begins_with_more_than_its_limit_is_stopped(run, code):
    result = run(code, limits=Limits(memory_bytes=64 * 2**20))

    assert isinstance(result, LimitExceeded), result
    assert result.limit == "memory"


# -- what a module is given


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        ('(import "env" "system" (func (param i32) (result i32)))', "ImportError"),
        ('(import "env" "memory" (memory 1))', "ImportError"),
        ('(import "tools" "absent" (func))', "ImportError"),
        ('(import "dspex" "absent" (func))', "ImportError"),
        ('(import "session" "kept" (global i32))', "ImportError"),
        ('(import "dspex" "result" (func (param i64)))', "LinkError"),
        ('(import "wasi_snapshot_preview1" "sock_open" (func))', "LinkError"),
    ],
)
def test_an_import_that_is_not_given_is_named(run, wanted, kind):
    result = run(f'(module {wanted} (func (export "main")))', tools={"there": abs})

    assert isinstance(result, Failed), result
    assert result.error.type == kind
    name = wanted.split('"')[3]
    assert name in result.error.message
    if kind == "ImportError":
        assert "tools.there" in result.error.message


def test_tools_are_functions_that_a_module_imports(run):
    code = """(module (import "tools" "twice" (func $twice (param i64) (result i64)))
     (import "env" "split" (func $split (param f64) (result i32 f64)))
     (func (export "main") (param i64) (result i64 i32 f64)
      (call $twice (local.get 0)) (call $split (f64.const 2.5))))"""
    tools = {"twice": lambda x: 2 * x, "env__split": lambda x: (int(x), x - int(x))}
    result = run(code, args=(21,), tools=tools)

    assert isinstance(result, Completed), result
    assert result.value == (42, 2, 0.5)
    assert result.usage.tool_calls == 2


@pytest.mark.parametrize(
    ("tool", "kind", "said"),
    [
        (lambda: 2**32, "ToolError", "the result of the tool it must be a whole number"),
        (lambda: None, "ToolError", "not None"),
        (lambda: int("x"), "ToolError", "it: ValueError: invalid literal"),
    ],
)
def test_a_tool_that_fails_or_returns_what_does_not_fit_ends_the_module(run, tool, kind, said):
    code = '(module (import "tools" "it" (func $it (result i32))) (func (export "main") (drop (call $it))))'
    result = run(code, tools={"it": tool})

    assert isinstance(result, Failed), result
    assert result.error.type == kind
    assert said in result.error.message


def test_a_module_calls_a_tool_with_values_that_are_no_numbers(run):
    code = """(module (import "dspex" "call" (func $call (param i32 i32 i32 i32) (result i32)))
     (import "dspex" "read" (func $read (param i32)))
     (import "dspex" "result" (func $result (param i32 i32)))
     (memory (export "memory") 1) (data (i32.const 0) "join") (data (i32.const 8) "[[\\"a\\",\\"b\\"],2]")
     (func (export "main") (local $length i32)
      (local.set $length (call $call (i32.const 0) (i32.const 4) (i32.const 8) (i32.const 13)))
      (call $read (i32.const 64)) (call $result (i32.const 64) (local.get $length))))"""
    result = run(code, tools={"join": lambda parts, times: {"text": "-".join(parts) * times}})

    assert result.unwrap() == {"text": "a-ba-b"}


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        ("(call $result (i32.const 65000) (i32.const 65000))", "IndexError"),
        ("(call $result (i32.const -1) (i32.const 1))", "IndexError"),
        ("(call $result (i32.const 0) (i32.const 4))", "ValueError"),
        ("(call $result (i32.const 8) (i32.const 2))", "UnicodeDecodeError"),
    ],
)
def test_a_module_that_gives_what_is_no_value_fails_and_nothing_else_happens(run, call, kind):
    code = f"""(module (import "dspex" "result" (func $result (param i32 i32)))
     (memory (export "memory") 1) (data (i32.const 0) "nope") (data (i32.const 8) "\\ff\\ff")
     (func (export "main") {call}))"""

    assert run(code).error.type == kind


# -- WASI

_PROGRAM = """(module
 (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
 (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
 (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
 (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
 (import "wasi_snapshot_preview1" "path_open"
  (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
 (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
 (memory (export "memory") 1)
 (data (i32.const 128) "note.txt")
 (func $copy (param $from i32) (param $to i32)
  (i32.store (i32.const 0) (i32.const 1024))
  (loop $next
   (i32.store (i32.const 4) (i32.const 4096))
   (if (call $read (local.get $from) (i32.const 0) (i32.const 1) (i32.const 8))
    (then (call $exit (i32.const 9))))
   (i32.store (i32.const 4) (i32.load (i32.const 8)))
   (drop (call $write (local.get $to) (i32.const 0) (i32.const 1) (i32.const 12)))
   (br_if $next (i32.load (i32.const 8)))))
 (func $opened (param $folder i32) (param $flags i32) (param $rights i64) (result i32)
  (if (call $open (local.get $folder) (i32.const 1) (i32.const 128) (i32.const 8)
    (local.get $flags) (local.get $rights) (i64.const 0) (i32.const 0) (i32.const 16))
   (then (call $exit (i32.const 8))))
  (i32.load (i32.const 16)))
 (func (export "_start") {body}))"""


def program(body):
    return _PROGRAM.replace("{body}", body)


def test_a_command_reads_its_standard_input_and_the_variables_where_there_is_none(run):
    code = program("(call $copy (i32.const 0) (i32.const 1))")

    assert run(code, stdin="text ü\n").stdout == "text ü\n"
    assert run(code, stdin=b"x" * 10000).stdout == "x" * 10000
    assert run(code, variables={"a": [1, "b"]}).stdout == '{"a":[1,"b"]}'
    assert run(code).stdout == ""


def test_a_command_has_a_command_line(run):
    code = program(
        """(drop (call $sizes (i32.const 32) (i32.const 36)))
        (drop (call $args (i32.const 64) (i32.const 2048)))
        (i32.store (i32.const 0) (i32.const 2048)) (i32.store (i32.const 4) (i32.load (i32.const 36)))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))"""
    )

    assert run(code, args=("-v", "a b")).stdout == "guest.wasm\0-v\0a b\0"
    assert run(code, args=(1,)).error.type == "ArgumentError"


def test_the_exit_code_of_a_command_decides_whether_it_failed(run):
    def ended(code):
        return run(program(f"(call $exit (i32.const {code}))"))

    assert isinstance(ended(0), Completed)
    for code, said in ((3, "with exit code 3"), (125, "with exit code 125"), (126, "above 125")):
        error = ended(code).error
        assert (error.type, error.message.removeprefix("the program ended ")) in {
            ("ExitError", said),
            ("ExitError", f"with an exit code {said}"),
        }


def test_a_command_writes_files_that_come_back_if_the_policy_asks_for_them(run):
    code = program("(call $copy (i32.const 0) (call $opened (i32.const 3) (i32.const 1) (i64.const 64)))")
    policy = Policy(profile=Profile.PROCESS, packages=(), files=("**",))
    result = run(code, stdin="kept", policy=policy)

    assert isinstance(result, Completed), result
    assert {name: bytes(file) for name, file in result.files.items()} == {"note.txt": b"kept"}


def test_a_command_reads_the_folders_that_its_policy_lends_and_writes_to_none(run, tmp_path):
    (tmp_path / "note.txt").write_text("lent")
    policy = Policy(profile=Profile.PROCESS, packages=(), read_paths=(tmp_path,))
    reads = program("(call $copy (call $opened (i32.const 4) (i32.const 0) (i64.const 2)) (i32.const 1))")
    writes = program("(call $copy (i32.const 0) (call $opened (i32.const 4) (i32.const 0) (i64.const 64)))")

    assert run(reads, policy=policy).stdout == "lent"
    assert run(writes, policy=policy, stdin="changed").error.message == "the program ended with exit code 8"
    assert run(reads).error.message == "the program ended with exit code 8"
    assert (tmp_path / "note.txt").read_text() == "lent"


# -- sessions


def test_a_session_keeps_an_instance_and_its_exports_are_called_again(runtime):
    with runtime.session(language="wasm") as session:
        assert [session.execute(COUNTER).value for _ in range(3)] == [1, 2, 3]
        assert session["n"] == 3
        session.execute("", export="back")
        assert session.execute("", export="main").value == 1
        assert session.execute("", export="absent").error.type == "ExportError"


def test_code_that_does_not_compile_leaves_a_session_as_it_was(runtime):
    with runtime.session(language="wasm") as session:
        session.execute(COUNTER)
        failed = session.execute(WASM.broken[0])

        assert (failed.error.type, failed.session.fate) == ("CompileError", "kept")
        assert session.execute(COUNTER).value == 2


def test_what_a_call_did_that_ran_out_of_time_or_fuel_stays_in_the_session(runtime):
    code = COUNTER.replace(
        '(func (export "back")',
        '(func (export "on") (loop $on (drop (call 0)) (br $on))) (func (export "back")',
    )
    for limits, limit in ((Limits(time_s=0.2), "time"), (Limits(fuel=10_000), "fuel")):
        with runtime.session(language="wasm") as session:
            plenty = Limits(fuel=10_000) if limit == "fuel" else None
            assert session.execute(code, limits=plenty, export="main").value == 1
            stopped = session.execute("", limits=limits, export="on")
            assert isinstance(stopped, LimitExceeded), stopped
            assert (stopped.limit, stopped.session.fate) == (limit, "kept")

            assert session["n"] > 100
            session.execute("", limits=plenty, export="back")
            assert session.execute("", limits=plenty, export="main").value == 1


def test_a_call_that_its_engine_does_not_stop_in_time_costs_the_session_its_state(runtime):
    code = """(module (import "tools" "wait" (func $wait)) (global (export "n") i32 (i32.const 1))
     (func (export "main") (call $wait)))"""
    released = threading.Event()
    try:
        with runtime.session(language="wasm", tools={"wait": released.wait}) as session:
            killed = session.execute(code, limits=Limits(time_s=0.1))
            assert (killed.limit, killed.session.fate) == ("time", "lost")
    finally:
        released.set()


def test_a_session_counts_fuel_in_all_of_its_calls_or_in_none(runtime):
    with runtime.session(language="wasm") as session:
        session.execute(COUNTER)

        assert session.execute(COUNTER, limits=Limits(fuel=1000)).error.type == "FuelError"


# -- what the language takes


@pytest.mark.parametrize(
    ("language", "code", "options"),
    [
        ("python", b"\0asm", {}),
        ("python", "1", {"export": "main"}),
        ("python", "1", {"args": (1,)}),
        ("python", "1", {"stdin": b"x"}),
    ],
)
def test_what_a_language_has_no_use_for_is_refused(runtime, language, code, options):
    with pytest.raises(ConfigError, match="for python"):
        runtime.execute(code, language=language, **options)
    with runtime.session(language=language) as session, pytest.raises(ConfigError, match="for python"):
        session.execute(code, **options)


@pytest.mark.parametrize("options", [{"export": 1}, {"args": "ab"}, {"args": 1}, {"stdin": 1}], ids=str)
def test_an_invocation_of_the_wrong_type_is_refused(runtime, options):
    with pytest.raises(ConfigError):
        runtime.execute(MATHS, language="wasm", **options)


def test_a_profile_that_has_no_place_for_the_engine_is_refused(runtime):
    with pytest.raises(ConfigError, match="for the language wasm"):
        runtime.execute(MATHS, language="wasm", policy=Policy(profile=Profile.STRICT))

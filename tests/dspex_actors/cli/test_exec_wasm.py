"""`dspex-actors exec -l wasm`: files of modules, functions, arguments, standard input."""

from __future__ import annotations

import pytest
import wasmtime

pytestmark = pytest.mark.integration

ADD = """(module (func (export "add") (param i32 f64) (result f64)
 (f64.add (f64.convert_i32_s (local.get 0)) (local.get 1))))"""

# Copies at most 64 bytes of its standard input to its standard output.
COPY = """(module
 (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
 (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
 (memory (export "memory") 1) (data (i32.const 0) "\\10\\00\\00\\00\\40\\00\\00\\00")
 (func (export "_start")
  (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
  (i32.store (i32.const 4) (i32.load (i32.const 8)))
  (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"""


def test_a_module_in_either_form_is_a_file_and_its_function_gets_numbers(tmp_path, run_command):
    text, module = tmp_path / "add.wat", tmp_path / "add.wasm"
    text.write_text(ADD)
    module.write_bytes(bytes(wasmtime.wat2wasm(ADD)))

    for file in (text, module):
        arguments = ("--export", "add", "--arg", "40", "--arg=-2.5")
        done = run_command("exec", "-l", "wasm", str(file), *arguments)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"37.5\n", b"")


def test_a_command_reads_what_the_option_says_and_not_more(tmp_path, run_command):
    given = tmp_path / "in"
    given.write_text("from a file\n")

    done = run_command("exec", "-l", "wasm", "-c", COPY, "--stdin", str(given), stdin=b"typed\n")
    assert (done.returncode, done.stdout) == (0, b"from a file\n")
    assert (
        run_command("exec", "-l", "wasm", "-c", COPY, "--stdin", "-", stdin=b"typed\n").stdout == b"typed\n"
    )


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (("-l", "wasm", "-c", ADD, "--export", "add", "--arg", "x"), 2, b"must be a number, got 'x'"),
        (("-c", "1", "--arg", "x"), 2, b"for python"),
        (("-c", "1", "--export", "f"), 2, b"for python"),
        (
            ("-c", "1", "--engine", "/x"),
            2,
            b"--engine is for other languages, python runs in the worker itself",
        ),
        (("-l", "wasm", "-c", ADD, "--stdin", "/nonexistent"), 2, b"cannot read /nonexistent"),
        (
            ("-l", "wasm", "-c", ADD, "--export", "sub"),
            1,
            b"exports no function 'sub'",
        ),
        (("-l", "wasm", "-c", "(modul)"), 1, b"CompileError"),
        (("-l", "wasm", "-c", '(module (func (export "f") unreachable))'), 1, b"Trap: UNREACHABLE"),
    ],
)
def test_what_does_not_fit_is_said_and_ends_the_command(arguments, exit_code, said, run_command):
    done = run_command("exec", *arguments)

    assert (done.returncode, done.stdout) == (exit_code, b"")
    assert said in done.stderr

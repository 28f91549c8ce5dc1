"""`dspex-actors exec` as its users see it: what is printed where, and the exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
LOOP = "while True: pass"


def read_to_end(descriptor):
    """Read a terminal's master end until its other end is closed."""
    data = b""
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # how Linux says that nobody holds the other end
            return data
        if not part:
            return data
        data += part


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("sum(range(10))", b"45\n"),
        ("'text'", b"'text'\n"),
        ("'\\x1b'", b"'\\x1b'\n"),
        ("None", b""),
        ("x = 1", b""),
        ("result = [1, (2,), {3}]", b"[1, (2,), {3}]\n"),
        ("", b""),
        ("False", b"False\n"),
        ("print('a')", b"a\n"),
        ("print('a')\n5", b"a\n5\n"),
        ("print('a', end='')", b"a"),
        ("print('a', end='')\n5", b"a\n5\n"),
        ("-1", b"-1\n"),
        ("float('nan')", b"nan\n"),
        ("10 ** 4400 == 0", b"False\n"),
        ("16 ** 4000", b"0x1" + b"0" * 4000 + b"\n"),
        ("[16 ** 4000]", b"<a list with an integer of more than 4300 digits>\n"),
        ("import sys; sys.exit()", b""),
    ],
)
def test_output_comes_first_and_then_the_value_if_there_is_one(code, shown, run_command):
    done = run_command("exec", "-c", code)

    assert (done.returncode, done.stdout, done.stderr) == (0, shown, b"")


def test_a_pipe_gets_the_exact_bytes_of_text_that_would_drive_a_terminal(run_command):
    done = run_command("exec", "-c", "print('\\x1b[31mé\\x07\\r\\n\\0', end='')")

    assert done.stdout == "\x1b[31mé\x07\r\n\0".encode()


def test_a_terminal_gets_the_same_text_without_its_power(run_command):
    master, slave = os.openpty()
    try:
        done = run_command("exec", "-c", "print('\\x1b[31mé\\x07')\n1 / 0", stdout=slave, stderr=slave)
    finally:
        os.close(slave)
    shown = read_to_end(master)
    os.close(master)

    assert done.returncode == 1
    assert shown.startswith("\\x1b[31mé\\x07\r\n".encode())
    assert b"\x1b" not in shown


def test_the_text_of_an_exception_does_not_drive_a_terminal_either(run_command):
    master, slave = os.openpty()
    try:
        run_command("exec", "-c", "raise ValueError('\\x1b]0;owned\\x07')", stderr=slave)
    finally:
        os.close(slave)
    shown = read_to_end(master)
    os.close(master)

    assert b"ValueError: \\x1b]0;owned\\x07" in shown


def test_stdout_and_stderr_of_the_guest_go_to_their_own_streams(run_command):
    done = run_command("exec", "-c", "import sys; print('out'); print('err', file=sys.stderr); 3")

    assert (done.stdout, done.stderr) == (b"out\n3\n", b"err\n")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("1 / 0", b"ZeroDivisionError: division by zero\n"),
        ("x = ", b"SyntaxError: invalid syntax"),
        ("'\0'", b"null bytes"),
        ("import sys; sys.exit(3)", b"SystemExit: 3\n"),
        ("raise KeyboardInterrupt", b"KeyboardInterrupt\n"),
        ("lambda: 0", b"ValueEncodeError: value (function) cannot cross"),
        ("input()", b"EOFError"),
        ("import os; os.listdir('/')", b"PermissionError"),
        ("import os; os._exit(0)", b"the worker process exited with code 0 before it gave a result"),
        ("import os; os._exit(7)", b"the worker process exited with code 7 before it gave a result"),
        ("import ctypes; ctypes.string_at(0)", b"was ended by signal 11 (SIGSEGV)"),
        ("import os; os.write(3, bytes(64))", b"the worker broke the protocol"),
    ],
)
def test_a_guest_that_fails_or_dies_ends_the_command_with_one(code, said, run_command):
    done = run_command("exec", "-", stdin=code.encode())

    assert (done.returncode, done.stdout) == (1, b"")
    assert said in done.stderr
    assert b"dspex_actors/" not in done.stderr  # no frame of ours


def test_a_failure_shows_the_guests_traceback_on_a_line_of_its_own(run_command):
    done = run_command("exec", "-c", "import sys; sys.stderr.write('half')\ndef f():\n    1 / 0\nf()")

    lines = done.stderr.decode().splitlines()
    assert lines[:2] == ["half", "Traceback (most recent call last):"]
    assert '  File "<guest>", line 3, in f' in lines


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--timeout", "0.2", "-c", LOOP],
            "dspex-actors: the guest exceeded its time limit of 0.2 s (--timeout changes it)\n",
        ),
        (
            ["--memory", "64", "-c", "x = bytearray(2**28)"],
            "dspex-actors: the guest exceeded its memory limit of 64 MiB (--memory changes it)\n",
        ),
        (["-c", "bytes(20 * 2**20)"], "dspex-actors: the guest exceeded its result limit of 16 MiB\n"),
    ],
)
def test_a_guest_beyond_a_limit_ends_the_command_with_three_and_one_sentence(
    arguments, sentence, run_command
):
    done = run_command("exec", *arguments)

    assert (done.returncode, done.stdout, done.stderr.decode()) == (3, b"", sentence)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--timeout", "30", "-c", "x = sum(range(10**5))"],
        ["--timeout", "none", "-c", "x = 1"],
        ["--memory", "64", "-c", "x = bytearray(2**24)"],
        ["--memory", "none", "-c", "x = bytearray(2**28 + 2**24)"],
    ],
)
def test_a_guest_within_its_limits_completes(arguments, run_command):
    done = run_command("exec", *arguments)

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_what_was_printed_before_a_limit_is_shown(run_command):
    done = run_command("exec", "--timeout", "0.5", "-c", f"print('working')\n{LOOP}")

    assert (done.returncode, done.stdout) == (3, b"working\n")


@pytest.mark.parametrize(("size", "dropped"), [(2**24, 0), (2**24 + 3, 3)])
def test_sixteen_mebibytes_of_output_are_shown_and_what_is_beyond_is_counted(size, dropped, run_command):
    done = run_command("exec", "--timeout", "50", "-c", f"print('x' * {size}, end='')")

    note = f"dspex-actors: {dropped} bytes of output beyond 16 MiB were dropped\n" if dropped else ""
    assert (done.returncode, len(done.stdout), done.stderr.decode()) == (0, 2**24, note)


@pytest.mark.parametrize(
    ("profile", "code", "exit_code"),
    [
        ("strict", "sum(range(10))", 0),
        ("strict", "().__class__", 1),
        ("process", "().__class__.__name__", 0),
        ("process", "open('/etc/passwd').close()", 1),
        ("trusted", "open('/etc/passwd').close()", 0),
    ],
)
def test_each_profile_allows_what_it_says(profile, code, exit_code, run_command):
    assert run_command("exec", "--profile", profile, "-c", code).returncode == exit_code


def test_code_comes_from_a_file_with_or_without_a_byte_order_mark(tmp_path, run_command):
    file = tmp_path / "snippet.py"
    for mark in (b"", b"\xef\xbb\xbf"):
        file.write_bytes(mark + "'é' * 2\r\n".encode())

        assert run_command("exec", str(file)).stdout == "'éé'\n".encode()


def test_code_from_standard_input_that_is_not_text_is_refused(run_command):
    done = run_command("exec", "-", stdin=b"\xff\xfe")

    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"dspex-actors: - is not text in UTF-8: byte 0xff at position 0\n"


def test_output_is_shown_while_the_guest_still_runs(started_command):
    process = started_command("exec", "--timeout", "none", "-c", f"print('ready')\n{LOOP}")

    assert process.stdout.readline() == b"ready\n"
    assert process.poll() is None


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_command_and_its_guest_without_a_word(number, exit_code, started_command):
    process = started_command("exec", "--timeout", "none", "-c", f"print('ready')\n{LOOP}")
    process.stdout.readline()

    process.send_signal(number)

    assert process.communicate(timeout=30) == (b"", b"")
    assert process.returncode == exit_code


def test_a_reader_that_goes_away_ends_the_command_quietly(started_command):
    process = started_command("exec", "--timeout", "none", "-c", "while True: print('x' * 1000)")
    process.stdout.readline()

    process.stdout.close()

    assert process.wait(timeout=30) == 128 + signal.SIGPIPE
    assert process.stderr.read() == b""


def test_an_output_that_cannot_be_written_is_reported(run_command):
    with Path("/dev/full").open("wb") as full:
        done = run_command("exec", "-c", "1", stdout=full)

    assert (done.returncode, done.stderr) == (
        2,
        b"dspex-actors: cannot write the output: No space left on device\n",
    )


@pytest.mark.parametrize(("code", "exit_code"), [("print(1); 2", 0), ("1 / 0", 1), (LOOP, 3)])
def test_closed_standard_streams_do_not_confuse_the_command(code, exit_code):
    script = 'exec "$0" -m dspex_actors exec --timeout 1 -c "$1" <&- >&- 2>&-'
    command = ["/bin/sh", "-c", script, sys.executable, code]

    assert subprocess.run(command, check=False, timeout=60, cwd=ROOT).returncode == exit_code

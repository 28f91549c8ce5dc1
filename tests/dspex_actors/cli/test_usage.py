"""A command line that is wrong ends with 2, says what would be right, and starts nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dspex_actors.cli import ExitCode, main
from dspex_actors.cli._main import _mebibytes, _seconds

ROOT = Path(__file__).parents[3]


def ended(arguments):
    """Run the command in this process; return its exit code, argparse's own included."""
    try:
        return main(arguments)
    except SystemExit as leave:
        return leave.code


@pytest.fixture(autouse=True)
def no_runtime(monkeypatch):
    """Fail a test that starts a runtime."""

    def refuse(*_, **__):
        raise AssertionError("a runtime was started")

    monkeypatch.setattr("dspex_actors.runtime._runtime.Runtime.__init__", refuse)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "required: COMMAND"),
        (["nope"], "invalid choice: 'nope'"),
        (["--nope", "doctor"], "unrecognized arguments: --nope"),
        (["--vers"], "required: COMMAND"),
        (["exec"], "give the code, once: -c CODE, a FILE, or - for standard input"),
        (["exec", "-c"], "expected one argument"),
        (["exec", "-c", "1", "file.py"], "give the code, once"),
        (["exec", "one.py", "two.py"], "unrecognized arguments: two.py"),
        (["exec", "--profile", "none", "-c", "1"], "invalid choice: 'none'"),
        (["exec", "--porfile", "strict", "-c", "1"], "unrecognized arguments: --porfile"),
        (
            ["exec", "-l", "ruby", "-c", "1"],
            "'wasm', 'rust', 'elixir', 'pyodide', got 'ruby'",
        ),
        (["exec", "-c", "'\ud800'"], "code must be text that UTF-8 can encode"),
        (["exec", "/nowhere/at/all.py"], "cannot read /nowhere/at/all.py: No such file or directory"),
        (["exec", "/"], "cannot read /: Is a directory"),
        (["exec", "nul\0byte"], "cannot read nul\0byte: embedded null byte"),
        (["doctor", "extra"], "unrecognized arguments: extra"),
        (["tree", "extra"], "unrecognized arguments: extra"),
        (["state"], "required: ACTION"),
        (["modules"], "required: ACTION"),
        (["modules", "show"], "required: ID"),
        (["modules", "list", "--control", "/nowhere", "extra", "more"], "unrecognized arguments: more"),
        (
            ["state", "list", "--store", "nowhere"],
            "there is no store 'nowhere'; allowed are a path of a store",
        ),
    ],
)
def test_a_wrong_command_line_ends_with_two_and_says_what_is_wrong(arguments, said, capsys):
    assert ended(arguments) == ExitCode.USAGE

    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "-inf", "1e999", "soon", "", "1s", "None"])
def test_a_timeout_that_is_no_finite_time_ahead_is_refused(text, capsys):
    assert ended(["exec", f"--timeout={text}", "-c", "1"]) == ExitCode.USAGE

    said = capsys.readouterr().err
    assert "argument --timeout: must be a number" in said
    assert said.endswith(f", or none for no limit, got {text!r}\n")


@pytest.mark.parametrize(
    "text", ["0", "-1", "1.5", "nan", "lots", "", "16777217", "9" * 5000, "\u0663", " 5", "1_0"]
)
def test_a_memory_limit_that_is_no_possible_number_of_mebibytes_is_refused(text, capsys):
    assert ended(["exec", f"--memory={text}", "-c", "1"]) == ExitCode.USAGE

    assert "a whole number of MiB from 1 to 16777216, or none for no limit" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (_seconds, "0.001", 0.001),
        (_seconds, "1e3", 1000.0),
        (_seconds, "none", None),
        (_mebibytes, "1", 2**20),
        (_mebibytes, "16777216", 2**44),
        (_mebibytes, "none", None),
    ],
)
def test_the_smallest_and_the_largest_limits_are_taken(read, text, value):
    assert read(text) == value


def test_a_file_that_is_not_utf_8_is_refused_with_the_place(tmp_path, capsys):
    file = tmp_path / "latin.py"
    file.write_bytes("print('é')".encode("latin-1"))

    assert ended(["exec", str(file)]) == ExitCode.USAGE
    assert f"{file} is not text in UTF-8: byte 0xe9 at position 7" in capsys.readouterr().err


@pytest.mark.parametrize(("size", "refused"), [(8 * 2**20, False), (8 * 2**20 + 1, True)])
def test_code_of_eight_mebibytes_is_taken_and_one_byte_more_is_not(size, refused, tmp_path, capsys):
    file = tmp_path / "long.py"
    file.write_bytes(b"#" * size)

    if not refused:
        with pytest.raises(AssertionError, match="a runtime was started"):
            main(["exec", str(file)])
        return
    assert ended(["exec", str(file)]) == ExitCode.USAGE
    assert "code must be at most 8 MiB" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["exec", "--help"],
        ["doctor", "--help"],
        ["tree", "--help"],
        ["state", "--help"],
        ["modules", "--help"],
    ],
)
def test_help_is_printed_and_ends_well(arguments, capsys):
    assert ended(arguments) == 0

    assert "usage: dspex-actors" in capsys.readouterr().out


def test_the_help_shows_examples_and_every_exit_code(capsys):
    ended(["--help"])

    text = capsys.readouterr().out
    assert "dspex-actors exec -c 'sum(range(10))'" in text
    assert [code.value for code in ExitCode if f"  {code.value} " not in text] == []


def test_the_version_names_the_package_and_python(capsys):
    assert ended(["--version"]) == 0

    version = ".".join(map(str, sys.version_info[:3]))
    words = capsys.readouterr().out.split()
    assert (words[0], words[-2:]) == ("dspex-actors", ["Python", version])


def test_a_terminal_is_not_driven_by_a_file_name_in_an_error(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    ended(["exec", "\x1b[2Jfile"])

    assert "cannot read \\x1b[2Jfile" in capsys.readouterr().err


@pytest.mark.integration
def test_help_loads_neither_rich_nor_the_runtime():
    script = "import json, sys; from dspex_actors.cli._main import _parser; _parser().format_help()"
    script += "; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True)

    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert loaded & {"rich", "pykka", "supervisors", "numpy", "msgspec", "structlog", "asyncio"} == set()

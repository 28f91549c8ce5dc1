"""The command line: what may be asked, and the one place where an error becomes an exit code."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from typing import TYPE_CHECKING

from dspex_actors._errors import ConfigError, DspexError, EngineError
from dspex_actors._limits import MIB, Limits
from dspex_actors._policy import Profile
from dspex_actors.cli._exit_code import ExitCode
from dspex_actors.cli._image_parser import add_image
from dspex_actors.cli._interrupts import InterruptedBySignal
from dspex_actors.cli._modules_parser import add_modules
from dspex_actors.cli._redaction import redacted
from dspex_actors.cli._state_parser import add_state
from dspex_actors.cli._terminal import Sink
from dspex_actors.cli._usage import RuntimeLostError, StoreFailedError, ToolFailedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

_EXAMPLES = """\
examples:
  dspex-actors exec -c 'sum(range(10))'
  dspex-actors exec --profile strict --timeout 2 snippet.py
  generate | dspex-actors exec -
  dspex-actors doctor
  dspex-actors tree --json
  dspex-actors state list --store states.db
  dspex-actors image build --name web structlog
  dspex-actors modules reload --control control.sock agents.writer

exit codes:
  0 completed   1 the guest failed; state: damaged, or they differ; modules: the reload failed
  2 usage   3 a limit was exceeded   4 no sandbox   5 no store or runtime   6 no engine   130 Ctrl-C
"""
_EXEC_EXAMPLES = """\
The value of the last expression is printed after the guest's own output, unless it is None.

examples:
  dspex-actors exec -c 'import math; math.factorial(20)'
  dspex-actors exec -l javascript -c '[1, 2, 3].map((x) => x * x)'
  dspex-actors exec --timeout 1 -c 'while True: pass'      # exit code 3
  dspex-actors exec --memory 64 --timeout none analysis.py
  echo 'print("hello")' | dspex-actors exec -
"""
_MOST_MEMORY_MIB = 2**24


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: the arguments without the command's name; those of this process by default.

    Returns:
        The exit code, see `ExitCode`.

    Raises:
        SystemExit: argparse has answered by itself: `--help` and `--version` with 0, a wrong option with 2.
    """
    _open_missing_streams()
    options = _parser().parse_args(argv)
    _silence_logging()
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        code = command(options)
        sys.stdout.flush()
    except DspexError as error:
        return _say(error, _code_of(error))
    except (InterruptedBySignal, KeyboardInterrupt) as interrupt:
        return 128 + getattr(interrupt, "number", signal.SIGINT)
    except BrokenPipeError:
        _forget_stdout()
        return 128 + signal.SIGPIPE
    except OSError as error:
        return _say(UsageError(f"cannot write the output: {error.strerror}"), ExitCode.USAGE)
    return code


def _code_of(error: DspexError) -> ExitCode:
    """Return how a command ends that raised an error."""
    match error:
        case ConfigError() | UsageError():
            return ExitCode.USAGE
        case StoreFailedError():
            return ExitCode.STORE_FAILED
        case RuntimeLostError():
            return ExitCode.RUNTIME_LOST
        case EngineError() | ToolFailedError():
            return ExitCode.NO_ENGINE
    return ExitCode.UNCONTAINED


def _say(error: Exception, code: ExitCode) -> ExitCode:
    """Print what went wrong; its text may hold words of the user's or the guest's."""
    Sink(sys.stderr).write_line(f"dspex-actors: {error}")
    return code


def _open_missing_streams() -> None:
    """Put the null device where a standard stream is closed, before a socket takes its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
        if getattr(sys, name) is None:
            stream = os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False)
            setattr(sys, name, stream)


def _forget_stdout() -> None:
    """Let the interpreter's last flush find the null device where the reader of our output has gone."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def _silence_logging() -> None:
    """Keep the library's log records off the terminal: whatever matters is in the command's own message."""
    import logging  # noqa: PLC0415 -- `--help` needs none

    for name in ("supervisors", "dspex_actors"):
        logging.getLogger(name).addHandler(logging.NullHandler())


class _Parser(argparse.ArgumentParser):
    """Repeats what it does not understand without the passwords in it."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end with 2."""
        super().error(redacted(message))


def _parser() -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = _Parser(
        prog="dspex-actors",
        description="Run code that you do not trust in a sandboxed worker process.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action=_ShowVersion, nargs=0, help="print the version of this package and of Python"
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_exec(commands)
    doctor = commands.add_parser(
        "doctor",
        help="say whether guest code is contained on this machine, and which languages it may be in",
        description="Try to break each layer of the sandbox from inside, and say what was seen; look for the"
        " engines of the languages.",
        epilog="Exit code 0: guest code is contained in the profiles strict and process. 4: it is not.",
        allow_abbrev=False,
    )
    doctor.add_argument("--json", action="store_true", help="print plain data")
    doctor.set_defaults(command=_doctor)
    tree = commands.add_parser(
        "tree",
        help="draw the supervision tree of a running runtime",
        description="Start a runtime, run one execution in it, and draw its supervision tree.",
        allow_abbrev=False,
    )
    tree.add_argument("--json", action="store_true", help="print plain data")
    tree.set_defaults(command=_tree)
    add_state(commands, _state)
    add_image(commands, _image)
    add_modules(commands, _modules)
    return parser


def _add_exec(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    defaults = Limits()
    parser = commands.add_parser(
        "exec",
        help="run code in the sandbox",
        description="Run code in the sandbox; its output is shown as it comes.",
        epilog=_EXEC_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("-c", dest="code", metavar="CODE", help="the code itself")
    parser.add_argument(
        "file", nargs="?", metavar="FILE", help="a file of code in UTF-8; - is standard input"
    )
    parser.add_argument("-l", "--language", default="python", help="its language (default: python)")
    parser.add_argument(
        "--engine", metavar="PATH", help="what runs the language (default: what is found on this machine)"
    )
    parser.add_argument(
        "--export", default="", metavar="NAME", help="function of a module that is called (language wasm)"
    )
    parser.add_argument(
        "--arg",
        action="append",
        default=[],
        dest="args",
        metavar="VALUE",
        help="an argument of the function, a number, or of the program (wasm, rust); may be repeated",
    )
    parser.add_argument(
        "--stdin",
        metavar="FILE",
        help="what it reads as its standard input (wasm, rust); - is standard input",
    )
    parser.add_argument(
        "--profile",
        choices=[profile.value for profile in Profile],
        help="what it may do (default: process for python, what its engine needs for others); trusted is not"
        " sandboxed",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=defaults.time_s,
        metavar="SECONDS",
        help=f"wall-clock time it may take, or none (default: {defaults.time_s:g})",
    )
    parser.add_argument(
        "--memory",
        type=_mebibytes,
        default=defaults.memory_bytes,
        metavar="MIB",
        help=f"memory it may take in MiB, or none (default: {(defaults.memory_bytes or 0) // MIB})",
    )
    parser.set_defaults(command=_exec, refuse=parser.error)


class _ShowVersion(argparse.Action):
    """Prints the version when it is asked for, so that nobody else pays for looking it up."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,  # noqa: ARG002 -- argparse's signature
        values: object,  # noqa: ARG002 -- see above
        option_string: str | None = None,  # noqa: ARG002 -- see above
    ) -> None:
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 -- see the docstring

        try:
            ours = version("dspex-actors")
        except PackageNotFoundError:
            ours = "(not installed)"
        sys.stdout.write(f"dspex-actors {ours}, Python {sys.version.split()[0]}\n")
        parser.exit(0)


def _seconds(text: str) -> float | None:
    """Read a time limit.

    Raises:
        ArgumentTypeError: not a number in the possible range, and not `none`.
    """
    if text == "none":
        return None
    try:
        return Limits(time_s=float(text)).time_s
    except ConfigError as error:
        allowed = error.allowed.replace("None", "none")
    except ValueError:
        allowed = "a number of seconds, or none for no limit"
    raise argparse.ArgumentTypeError(f"must be {allowed}, got {text!r}")


def _mebibytes(text: str) -> int | None:
    """Read a memory limit; return bytes.

    Raises:
        ArgumentTypeError: not a whole number of MiB in the possible range, and not `none`.
    """
    if text == "none":
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:20]) <= _MOST_MEMORY_MIB:
        raise argparse.ArgumentTypeError(
            f"must be a whole number of MiB from 1 to {_MOST_MEMORY_MIB}, or none for no limit, got {text!r}"
        )
    return int(text) * MIB


def _exec(options: argparse.Namespace) -> int:
    # No group of argparse's: it would complain of a FILE where an option before it is misspelt.
    if (options.code is None) is (options.file is None):
        options.refuse("give the code, once: -c CODE, a FILE, or - for standard input")
    from dspex_actors.cli import _exec as command  # noqa: PLC0415 -- brings in the runtime, 0.2 s

    return command.run(options)


def _doctor(options: argparse.Namespace) -> int:
    from dspex_actors.cli import _doctor as command  # noqa: PLC0415 -- brings in the runtime, 0.2 s

    return command.run(options)


def _tree(options: argparse.Namespace) -> int:
    from dspex_actors.cli import _tree as command  # noqa: PLC0415 -- brings in the runtime, 0.2 s

    return command.run(options)


def _image(options: argparse.Namespace) -> int:
    from dspex_actors.cli import _image as command  # noqa: PLC0415 -- brings in the languages

    return command.run(options)


def _state(options: argparse.Namespace) -> int:
    from dspex_actors.cli import _state as command  # noqa: PLC0415 -- brings in the store

    return command.run(options)


def _modules(options: argparse.Namespace) -> int:
    from dspex_actors.cli import _modules as command  # noqa: PLC0415 -- brings in msgspec

    return command.run(options)

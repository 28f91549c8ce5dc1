"""`dspex-actors exec`: run one piece of code, show its output as it comes, then its value or its failure."""

from __future__ import annotations

import dataclasses
import signal
import sys
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from dspex_actors._config import ExecutorConfig, RuntimeConfig
from dspex_actors._errors import WorkerDiedError, describe_limit
from dspex_actors._execution import PYTHON, Completed, Execute, Failed, LimitExceeded
from dspex_actors._limits import MIB, Limits
from dspex_actors.cli._exit_code import ExitCode
from dspex_actors.cli._interrupts import Interrupts
from dspex_actors.cli._terminal import Sink
from dspex_actors.cli._usage import UsageError
from dspex_actors.executors.languages import Languages
from dspex_actors.runtime._runtime import Runtime

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from dspex_actors._execution import ExecutionResult, GuestFailure, WorkerDied
    from dspex_actors._language import Language
    from dspex_actors._policy import Policy

_OUTPUT_BYTES = 16 * MIB
"""Output shown of each stream: all of it passes through this process's memory."""

_STOP_S = 1.0
_MODULE = b"\0asm"
_OPTIONS = {"time": "--timeout", "memory": "--memory"}


def run(options: argparse.Namespace) -> ExitCode:
    """Run the command.

    Args:
        options: `code` or `file`, `language`, `engine` (None to look for one), `export`, `args`, `stdin`
            (None or the path of a file), `profile` (None for that of the language), `timeout` in seconds,
            `memory` in bytes.

    Returns:
        How the guest ended.

    Raises:
        UsageError: the code cannot be read, or an engine is given for Python.
        ConfigError: the code is no text, or an option is wrong.
        EngineError: there is no engine for the language.
        DspexError: there is no sandbox.
        InterruptedBySignal: a signal asked for the end; the guest was killed.
        BrokenPipeError: nobody reads the output any more; the guest was killed.
    """
    language = Languages()[options.language]
    if language.is_python and options.engine is not None:
        raise UsageError(
            f"--engine is for other languages, python runs in the worker itself: {options.engine}"
        )
    code = options.code if options.file is None else _read(options.file, modules="module" in language.takes)
    limits = Limits(time_s=options.timeout, memory_bytes=options.memory, output_bytes=_OUTPUT_BYTES)
    # What is wrong is better said before anything is started.
    request = Execute(code, language=options.language, **_invocation(options, language))
    policy = _policy(language, options.profile)
    is_python = options.language == PYTHON
    executor = (
        ExecutorConfig(policy=policy, limits=limits, spares=1, max_workers=1)
        if is_python
        else (ExecutorConfig(limits=limits, spares=0, max_workers=1))
    )
    engines = {} if options.engine is None else {options.language: options.engine}
    config = RuntimeConfig(executor=executor, engines=engines)
    sinks = {"stdout": Sink(sys.stdout), "stderr": Sink(sys.stderr)}
    with Interrupts() as interrupts:
        runtime = Runtime(config)
        try:
            with interrupts.allowed():
                result = _converse(runtime, request, policy, sinks)
        finally:
            runtime.stop(_STOP_S)
    return _show(result, sinks)


def _read(file: str, *, modules: bool) -> str | bytes:
    """Return the text of a file, of standard input for `-`; its bytes if it is a module of WebAssembly.

    Args:
        file: its path.
        modules: whether the language has modules.

    Raises:
        UsageError: it cannot be read, or is not UTF-8.
    """
    data = _read_bytes(file)
    if modules and data.startswith(_MODULE):
        return data
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        where = f"byte {data[error.start]:#04x} at position {error.start}"
        raise UsageError(f"{file} is not text in UTF-8: {where}") from None


def _read_bytes(file: str) -> bytes:
    """Return what a file holds, standard input for `-`.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"cannot read {file}: {reason}") from None


def _invocation(options: argparse.Namespace, language: Language) -> dict[str, Any]:
    """Return how the code is called: the options that were given.

    Raises:
        UsageError: an argument of a function is no number, or the input cannot be read.
        ConfigError: the language has no use for one of them.
    """
    args = [_number(arg) for arg in options.args] if options.export else options.args
    stdin = b"" if options.stdin is None else _read_bytes(options.stdin)
    given = {"export": options.export, "args": args, "stdin": stdin}
    given = {name: value for name, value in given.items() if value}
    language.check_given(given)
    return given


def _number(text: str) -> int | float:
    """Read an argument of a function.

    Raises:
        UsageError: it is no number.
    """
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    raise UsageError(f"the argument of a function must be a number, got {text!r}")


def _policy(language: Language, profile: str | None) -> Policy:
    """Return what the code may do.

    Raises:
        ConfigError: the language cannot run in this profile.
    """
    if profile is None:
        return language.policy
    policy = dataclasses.replace(language.policy, profile=profile)
    language.check_policy(policy)
    return policy


def _converse(
    runtime: Runtime, request: Execute, policy: Policy, sinks: Mapping[str, Sink]
) -> ExecutionResult:
    """Run the code and pass its output on.

    All writing is done here, so that a slow terminal holds up no actor.

    Raises:
        DspexError: the executor was lost.
        BrokenPipeError: nobody reads the output any more.
    """
    events: SimpleQueue[tuple[str, str] | None] = SimpleQueue()
    future = runtime.submit(
        request.code,
        policy=policy,
        language=request.context.language,
        export=request.context.export,
        args=request.context.args,
        stdin=request.context.stdin,
        on_output=lambda stream, text: events.put((stream, text)),
    )
    future.add_done_callback(lambda _: events.put(None))
    try:
        while (event := events.get()) is not None:
            stream, text = event
            sinks[stream].write(text)
        return future.result()
    finally:
        future.cancel()


def _show(result: ExecutionResult, sinks: Mapping[str, Sink]) -> ExitCode:
    """Print what is left to say of a result."""
    for warning in _warnings(result):
        sinks["stderr"].write_line(warning)
    if result.usage.output_dropped_bytes:
        limit = describe_limit("output", _OUTPUT_BYTES)
        sinks["stderr"].write_line(
            f"dspex-actors: {result.usage.output_dropped_bytes} bytes of output beyond {limit} were dropped"
        )
    match result:
        case Completed(value=None):
            return ExitCode.COMPLETED
        case Completed(value=value):
            sinks["stdout"].write_line(_shown(value))
            return ExitCode.COMPLETED
        case Failed(error=error):
            sinks["stderr"].write_line(_failure(error))
            return ExitCode.GUEST_FAILED
        case LimitExceeded(limit=limit):
            hint = f" ({_OPTIONS[limit]} changes it)" if limit in _OPTIONS else ""
            sinks["stderr"].write_line(f"dspex-actors: {result}{hint}")
            return ExitCode.LIMIT_EXCEEDED
    sinks["stderr"].write_line(f"dspex-actors: {_death(result)}")
    return ExitCode.GUEST_FAILED


def _warnings(result: ExecutionResult) -> list[str]:
    """Return a line for each of the compiler's warnings that the guest's stderr has not."""
    lines = []
    for each in result.diagnostics:
        if each.level != "warning" or each.message in result.stderr:
            continue
        column = f":{each.column}" if each.column else ""
        place = f" ({each.line}{column})" if each.line else ""
        lines.append(f"warning: {' '.join(each.message.split())}{place}")
    return lines


def _failure(error: GuestFailure) -> str:
    """Return what is printed of a failure: its traceback, below type and message if that has places alone."""
    said = f"{error.type}: {error.message}"
    if all(line.startswith(" ") for line in error.traceback.splitlines()):
        return f"{said}\n{error.traceback}"
    return error.traceback


def _shown(value: object) -> str:
    """Return the repr of a guest's value, which is plain data; a note where an integer is too long for it."""
    try:
        return repr(value)
    except ValueError:  # Python's limit of decimal digits, without which this could take hours
        if isinstance(value, int):
            return hex(value)
        return (
            f"<a {type(value).__name__} with an integer of more than {sys.get_int_max_str_digits()} digits>"
        )


def _death(result: WorkerDied) -> str:
    """Say how a worker died, the signal by its name."""
    sentence = str(WorkerDiedError(result.exit_code, result.signal))
    if result.signal is not None:
        known = {each.value: each.name for each in signal.Signals}
        number = f"signal {result.signal}"
        sentence = sentence.replace(number, f"{number} ({known.get(result.signal, 'unknown')})")
    return f"{sentence}: {result.detail}" if result.detail else sentence

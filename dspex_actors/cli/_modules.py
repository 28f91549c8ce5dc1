"""`dspex-actors modules`: looking after the modules of a runtime in another process."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dspex_actors.cli import _modules_text as text
from dspex_actors.cli._exit_code import ExitCode
from dspex_actors.cli._interrupts import Interrupts
from dspex_actors.cli._modules_parser import CONTROL_VARIABLE
from dspex_actors.cli._terminal import Sink
from dspex_actors.cli._usage import RuntimeLostError, UsageError
from dspex_actors.control import _protocol as said
from dspex_actors.control._client import ControlClient
from dspex_actors.control._errors import ControlProtocolError, ControlUnreachableError, RequestFailedError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

_SHAPE: Final = 1
"""Of the plain data; changes with it."""


def run(options: argparse.Namespace) -> ExitCode:
    """Run the command.

    Args:
        options: as `_modules_parser` makes them.

    Returns:
        `FAILED` if a reload or a roll-back failed, else `COMPLETED`.

    Raises:
        UsageError: an option is wrong, or there is no such module.
        RuntimeLostError: the runtime cannot be reached, or ended before it had answered.
        InterruptedBySignal: a signal asked for the end.
    """
    path = options.control or os.environ.get(CONTROL_VARIABLE)
    if not path:
        raise UsageError(
            f"say where the runtime's control socket is, by --control or the variable {CONTROL_VARIABLE}"
        )
    with Interrupts() as interrupts, interrupts.allowed():
        try:
            with ControlClient(path) as client:
                return _ACTIONS[options.action](options, client, _Output(client.hello))
        except RequestFailedError as error:
            if error.kind == "failed":
                Sink(sys.stderr).write_line(f"dspex-actors: {error}")
                return ExitCode.FAILED
            raise (UsageError if error.kind == "usage" else RuntimeLostError)(str(error)) from None
        except (ControlUnreachableError, ControlProtocolError) as error:
            raise RuntimeLostError(str(error)) from None


class _Output:
    """Where results go: lines that may hold words of others, or JSON."""

    def __init__(self, hello: said.Hello) -> None:
        self._pid = hello.pid
        self._sink = Sink(sys.stdout)

    def line(self, line: str) -> None:
        self._sink.write_line(line)

    def json(self, **facts: Any) -> None:  # noqa: ANN401 -- whatever JSON takes
        self._sink.write_line(json.dumps({"shape": _SHAPE, "pid": self._pid, **facts}, indent=2))

    def json_line(self, **facts: Any) -> None:  # noqa: ANN401 -- as above
        self._sink.write_line(json.dumps(facts))

    def json_start(self, **facts: Any) -> None:  # noqa: ANN401 -- as above
        self.json_line(shape=_SHAPE, pid=self._pid, **facts)


# -- the actions


def _list(options: argparse.Namespace, client: ControlClient, out: _Output) -> ExitCode:
    request = said.ListModules(
        pattern=options.pattern, type=options.type, version=options.version, tags=tuple(options.tag)
    )
    rows = [each for each in client.ask(request) if isinstance(each, said.ModuleRow)]
    if options.json:
        out.json(modules=[text.plain(each) for each in rows])
        return ExitCode.COMPLETED
    for place, row in enumerate(rows):
        if not place:
            out.line(text.HEADING)
        out.line(text.row_line(row))
    return ExitCode.COMPLETED


def _show(options: argparse.Namespace, client: ControlClient, out: _Output) -> ExitCode:
    answer = list(client.ask(said.ShowModule(module_id=options.id)))
    instances = [each for each in answer if isinstance(each, said.InstanceRow)]
    for details in answer:
        if isinstance(details, said.ModuleDetails):
            if options.json:
                out.json(**text.plain_details(details, instances))
            else:
                out.line(text.about(details))
                out.line("\n".join(["instances", *map(text.instance_line, instances)]))
    return ExitCode.COMPLETED


def _reload(options: argparse.Namespace, client: ControlClient, out: _Output) -> ExitCode:
    source = None if options.source is None else str(Path(options.source).absolute())
    request = said.ReloadModule(
        module_id=options.id,
        version=options.version,
        source=source,
        when_busy=options.when_busy,
        suspend_s=options.suspend_s,
    )
    return _changed(request, options, client, out)


def _roll_back(options: argparse.Namespace, client: ControlClient, out: _Output) -> ExitCode:
    request = said.RollBackModule(
        module_id=options.id, when_busy=options.when_busy, suspend_s=options.suspend_s
    )
    return _changed(request, options, client, out)


def _changed(
    request: said.ReloadModule | said.RollBackModule,
    options: argparse.Namespace,
    client: ControlClient,
    out: _Output,
) -> ExitCode:
    for report in client.ask(request):
        if isinstance(report, said.Reloaded):
            if options.json:
                out.json(**text.plain(report))
            else:
                out.line(text.reloaded_line(report))
    return ExitCode.COMPLETED


def _watch(options: argparse.Namespace, client: ControlClient, out: _Output) -> ExitCode:
    for event in client.ask(said.WatchEvents(pattern=options.pattern)):
        now = datetime.now(UTC)
        match event:
            case said.Watching(pattern=pattern) if options.json:
                out.json_start(event="watching", pattern=pattern)
            case said.Watching(pattern=pattern):
                out.line(f"watching {pattern} in process {client.hello.pid}")
            case said.Event() | said.Missed() if options.json:
                out.json_line(**text.plain_event(event, now))
            case said.Event() | said.Missed():
                out.line(text.event_line(event, now.astimezone()))
    return ExitCode.COMPLETED


_ACTIONS: Final[dict[str, Callable[[argparse.Namespace, ControlClient, _Output], ExitCode]]] = {
    "list": _list,
    "show": _show,
    "reload": _reload,
    "rollback": _roll_back,
    "watch": _watch,
}

"""What runs guest code inside of Pyodide, called by the driver for each request.

It is frozen into the snapshot of an image together with what it imports, and is never imported in a worker or
in the host. Guest code shares the interpreter with it, and so may break it: to its own harm.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import os
import random
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from dspex_actors import values
from dspex_actors._errors import ToolError, ValueDecodeError, ValueEncodeError
from dspex_actors.values._places import path_to
from dspex_actors.workers.guest._failure import describe, misplaced
from dspex_actors.workers.guest._python import PythonEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import CodeType

    Parts = list[bytes]
    Ask = Callable[[str, Parts], Sequence[Any]]

_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_SOURCES_CHARS = 4 * 2**20
_RESERVE_BYTES = 2**18
_STARVED = json.dumps({"outcome": "memory"})
_NO_BUFFER = "Array buffer allocation failed"  # what JavaScript says that has no memory for one


class Code(NamedTuple):
    """A compiled program.

    Attributes:
        statements: all but its closing expression; None without any.
        expression: the closing expression; None without one.
    """

    statements: CodeType | None
    expression: CodeType | None

    @property
    def awaits(self) -> bool:
        """Whether there is an `await` at its top level."""
        return any(each is not None and each.co_flags & inspect.CO_COROUTINE for each in self)


def compiled(source: str, filename: str) -> Code:
    """Compile a program, which may await at its top level.

    Args:
        source: its text.
        filename: what tracebacks call it.

    Raises:
        SyntaxError: it is none.
        ValueError: it holds a null character.
    """
    tree = ast.parse(source, filename)
    last = tree.body[-1] if tree.body else None
    expression = None
    if isinstance(last, ast.Expr):
        tree.body.pop()
        expression = compile(ast.Expression(last.value), filename, "eval", flags=_FLAGS, dont_inherit=True)
    statements = None
    if tree.body or expression is None:
        statements = compile(tree, filename, "exec", flags=_FLAGS, dont_inherit=True)
    return Code(statements, expression)


class Guest:
    """Runs the requests of one worker, one after the other.

    Args:
        ask: sends a tool call, as its name and encoded arguments, and returns the parts of the answer: an
            error's type, its message, then the encoded value.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._engine = PythonEngine()
        self._namespace: dict[str, Any] | None = None
        self._sources: dict[str, str] = {}
        self._calls = 0
        self._turn = 0  # of the request under way; tools of others are over
        self._task: asyncio.Task[list[Any]] | None = None
        self._reserve: bytearray | None = None

    def execute(self, head: str, parts: Sequence[Any]) -> Any:  # noqa: ANN401 -- parts, or who promises them
        """Run a request.

        Args:
            head: see `Head` in `_driver_messages`.
            parts: its encoded variables, if there are any: a structure and buffers, as bytes.

        Returns:
            The parts of the answer, the first one as text; or a task that gives them, for code that awaits.
        """
        request = json.loads(head)
        self._turn += 1
        self._reserve = self._reserve or bytearray(_RESERVE_BYTES)
        namespace = self._namespace if request.get("keep") else None
        if namespace is None:
            namespace = self._engine.namespace()
        filename, sources = self._note(request, namespace)
        try:
            if parts:
                self._engine.bind(namespace, _decoded(parts))
            self._engine.bind(namespace, self._tools(request.get("tools", ())))
            if "read" in request:
                return _found(request, namespace)
            code = compiled(request.get("code", ""), filename)
            if code.awaits:
                self._task = asyncio.ensure_future(self._await(code, namespace, request, sources))
                return self._task
            return _completed(_run(code, namespace), request)
        except MemoryError as error:
            return self._starved(error, request, namespace)
        except BaseException as error:  # noqa: BLE001 -- every way guest code can end becomes an answer
            return _ended(error, sources)

    def _starved(
        self, error: MemoryError, request: Mapping[str, Any], namespace: dict[str, Any]
    ) -> list[Any]:
        """Return the answer of code that got no more memory, after making room for it."""
        self._reserve = None
        error.__traceback__ = None  # what its frames hold is needed now
        if not request.get("keep"):
            namespace.clear()
        return [_STARVED]

    async def _await(
        self, code: Code, namespace: dict[str, Any], request: Mapping[str, Any], sources: Mapping[str, str]
    ) -> list[Any]:
        """Run code that awaits; return the answer."""
        before = namespace.get("result")
        value: Any = None
        try:
            try:
                for each in code:
                    value = None if each is None else eval(each, namespace)  # noqa: S307 -- see `_run`
                    if each is not None and each.co_flags & inspect.CO_COROUTINE:
                        value = await value
            except SystemExit as leave:
                _left(leave)
            return _completed(_value(value, before, namespace), request)
        except MemoryError as error:
            return self._starved(error, request, namespace)
        except BaseException as error:  # noqa: BLE001 -- as in `execute`
            return _ended(error, sources)

    def end(self) -> None:
        """End a request: nobody waits for it any more, and what it has written is passed on."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        for stream in (sys.stdout, sys.__stdout__, sys.stderr, sys.__stderr__):
            try:
                stream.flush()  # type: ignore[union-attr]  # guests put there what they like
            except BaseException:  # noqa: BLE001, S112 -- a stream of the guest's own; its output is lost to it alone
                continue

    def _note(self, request: Mapping[str, Any], namespace: dict[str, Any]) -> tuple[str, dict[str, str]]:
        """Return the file name of a request's code, and all code that a traceback may show, by file name."""
        source = request.get("code", "")
        if not request.get("keep"):
            return "<guest>", {"<guest>": source}
        self._namespace = namespace
        filename = f"<guest {self._calls}>"
        if "read" not in request:
            self._calls += 1
            self._sources[filename] = source
        while sum(map(len, self._sources.values())) > _SOURCES_CHARS and len(self._sources) > 1:
            del self._sources[next(iter(self._sources))]
        return filename, self._sources

    def _tools(self, names: Sequence[str]) -> dict[str, Any]:
        bound: dict[str, Any] = {name: self._tool(name, self._turn) for name in names}
        return bound | {ToolError.__name__: ToolError} if bound else bound

    def _tool(self, name: str, turn: int) -> Callable[..., Any]:
        def tool(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- whatever the host's function takes and gives
            try:
                encoded = values.encode([list(args), kwargs])
            except ValueEncodeError as error:
                path = error.path.replace("value[0]", "args", 1).replace("value[1]", "kwargs", 1)
                raise ValueEncodeError(f"{name}(): {path}", error.type_name, error.reason) from None
            if turn != self._turn:
                raise ToolError(name, LookupError.__name__, "the execution that had this tool is over")
            kind, message, *answer = self._ask(name, _parts(encoded))
            if kind:
                raise ToolError(name, kind, message)
            return _decoded(answer, f"{name}()")

        tool.__name__ = tool.__qualname__ = name
        tool.__doc__ = "Call the host's function of this name."
        return tool


def wake(environment: Mapping[str, str]) -> None:
    """Make a process of its own out of what a snapshot has frozen.

    Args:
        environment: the whole of the guest's environment.
    """
    os.environ.clear()
    os.environ.update(environment)
    random.seed()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # streams of Pyodide's own


def _decoded(parts: Sequence[Any], name: str = "value") -> Any:  # noqa: ANN401 -- any plain value
    """Return an encoded value, which refusals call `name`.

    Raises:
        ValueDecodeError: it cannot be made here.
        ValueEncodeError: an object of the host's is in it.
    """
    structure, *buffers = (part.to_bytes() for part in parts)
    if values.needs_numpy(structure):
        raise ValueDecodeError("the value holds numpy data, and there is no numpy in Pyodide's image")
    objects: list[object] = []  # one for each that is refused; nothing is made of what they hold

    def opaque(_: bytes) -> object:
        objects.append(object())
        return objects[-1]

    value = values.decode(structure, [bytearray(each) for each in buffers], opaque=opaque)
    if objects:
        path = path_to(objects[0], value, name) or name
        raise ValueEncodeError(path, "opaque", "it is an object of the host's and no plain data")
    return value


def _parts(encoded: values.Encoded) -> Parts:
    return [encoded.structure, *map(bytes, encoded.buffers)]


def _value(value: Any, before: object, namespace: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- a guest's value
    """Return the value of a program: that of its last expression, else of `result` if it was assigned."""
    if value is None and namespace.get("result") is not before:
        return namespace["result"]
    return value


def _left(leave: SystemExit) -> None:
    """Take `sys.exit()` with status 0 or none for the end of a program.

    Raises:
        SystemExit: with any other status.
    """
    if leave.code not in (None, 0):
        raise leave


def _run(code: Code, namespace: dict[str, Any]) -> Any:  # noqa: ANN401 -- a guest's value
    """Run code that does not await; return its value.

    Raises:
        BaseException: whatever it raises.
    """
    before, value = namespace.get("result"), None
    try:
        for each in code:
            value = None if each is None else eval(each, namespace)  # noqa: S307 -- running guest code is what it is for
    except SystemExit as leave:
        _left(leave)
    return _value(value, before, namespace)


def _found(request: Mapping[str, Any], namespace: Mapping[str, Any]) -> list[Any]:
    name = request["read"]
    return _completed(namespace[name], request) if name in namespace else [json.dumps({"outcome": "missing"})]


def _completed(value: object, request: Mapping[str, Any]) -> list[Any]:
    """Return the answer with a value.

    Raises:
        ValueEncodeError: it cannot cross.
    """
    encoded = values.encode(value)
    most = request.get("result_bytes")
    if most is not None and encoded.size > most:
        return [json.dumps({"outcome": "result", "used": encoded.size})]
    return [json.dumps({"outcome": "completed"}), *_parts(encoded)]


def _is_lack_of_buffers(error: BaseException) -> bool:
    """Whether JavaScript has said that there is no memory for a buffer."""
    return type(error).__name__ == "JsException" and _NO_BUFFER in BaseException.__str__(error)


def _ended(error: BaseException, sources: Mapping[str, str]) -> list[Any]:
    """Return the answer of code that has failed."""
    if _is_lack_of_buffers(error):
        return [_STARVED]
    kind, message, traceback = describe(error, sources)
    head: dict[str, Any] = {
        "outcome": "failed",
        "error_type": kind,
        "message": message,
        "traceback": traceback,
    }
    found = misplaced(error, sources)
    return [json.dumps(head | {"diagnostics": found} if found else head)]

"""What a module may import beside WASI: the request's tools, and a few functions of our own.

`(import "tools" "name" (func ...))` is the tool of that name, with any signature of numbers. For modules that
were written for another host, `(import "env" "name" (func ...))` is the tool `env__name`. The module `dspex`
is for values that are no numbers; texts are JSON in UTF-8, at an address and with a length (i32) in the
export `memory` of the module that calls:

    variable (name, length) -> length      the variable's value, or -1 without one; an empty name means all
    call (name, length, args, length) -> length    calls a tool with a list of arguments
    read (address)                         copies what `variable` or `call` gave to an address
    result (text, length)                  the value of the execution
    text (text, length)                    the value of the execution, a text that is no JSON
    fail (kind, length, message, length, where, length)    ends it as `Failed`, with texts that are no JSON
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import wasmtime

from dspex_actors._errors import ToolError
from dspex_actors.workers.engines._engine import GuestFailedError, ResultTooBigError
from dspex_actors.workers.engines._json import JSON_PER_BYTE, as_json, from_json
from dspex_actors.workers.engines.wasm._numbers import ArgumentMismatchError, check_results

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dspex_actors.workers.engines._engine import Call

TOOLS, OURS = "tools", "dspex"
"""Names of the modules that are imported from."""

NOTHING = object()
"""The value of an execution that has given none."""

_I32 = 2**32


class Host:
    """The functions that one program imports. They act on the call that is under way.

    Attributes:
        value: what `result` was given last; `NOTHING` before.
    """

    def __init__(self) -> None:
        self.value: object = NOTHING
        self._call: Call | None = None
        self._variables: Mapping[str, Any] = {}
        self._pending = b""

    def begin(self, call: Call, variables: Mapping[str, Any]) -> None:
        """Take the call that is to come."""
        self._call, self._variables = call, variables
        self.value, self._pending = NOTHING, b""

    def find(
        self, store: wasmtime.Store, module: str, name: str, kind: wasmtime.FuncType
    ) -> wasmtime.Func | None:
        """Return what is imported by a name; None if that is not to be had.

        Args:
            store: what it is made for.
            module: from where, the first of an import's two names.
            name: the second.
            kind: the type that the import declares.
        """
        assert self._call is not None  # noqa: S101 -- `begin` was called
        for tool in (name,) if module == TOOLS else (f"{module}__{name}",):
            if tool in self._call.tools:
                return self._tool(store, tool, kind)
        found = self._ours().get(name) if module == OURS else None
        if found is None:
            return None
        parameters, results, function = found
        i32 = wasmtime.ValType.i32
        signature = wasmtime.FuncType([i32() for _ in range(parameters)], [i32() for _ in range(results)])
        return wasmtime.Func(store, signature, function, access_caller=True)

    def has_tool(self, name: str) -> bool:
        """Whether the call under way has a tool of this name."""
        return self._call is not None and name in self._call.tools

    def names(self) -> list[str]:
        """Return what there is to import, for messages."""
        tools = sorted(self._call.tools) if self._call is not None else []
        return [*(f"{TOOLS}.{name}" for name in tools), *(f"{OURS}.{name}" for name in self._ours())]

    # -- tools

    def _tool(self, store: wasmtime.Store, name: str, kind: wasmtime.FuncType) -> wasmtime.Func:
        results = [str(each) for each in kind.results]

        def call(*args: object) -> object:
            value = self.ask(name, args)
            try:
                return check_results(f"the tool {name}", results, value)
            except ArgumentMismatchError as error:
                raise GuestFailedError("ToolError", str(error)) from error

        return wasmtime.Func(store, kind, call)

    def ask(self, name: str, args: tuple[object, ...]) -> Any:  # noqa: ANN401 -- plain data of the host's
        """Call a tool.

        Raises:
            GuestFailedError: there is none of the name, or it failed.
        """
        assert self._call is not None  # noqa: S101 -- a program runs
        tool = self._call.tools.get(name)
        if tool is None:
            raise GuestFailedError("LookupError", f"the execution has no tool {name!r}")
        try:
            return tool(*args)
        except ToolError as error:
            raise GuestFailedError("ToolError", str(error)) from error

    # -- our own

    def _ours(self) -> dict[str, tuple[int, int, Callable[..., object]]]:
        """Return our functions by name: how many parameters and results, and what runs."""
        return {
            "variable": (2, 1, self._variable),
            "call": (4, 1, self._call_tool),
            "read": (1, 0, self._read),
            "result": (2, 0, self._result),
            "text": (2, 0, self._give_text),
            "fail": (6, 0, self._fail),
        }

    def _variable(self, caller: wasmtime.Caller, address: int, length: int) -> int:
        name = _text(caller, address, length)
        if name and name not in self._variables:
            return -1
        if not name:
            return self._offer(dict(self._variables), "value")
        return self._offer(self._variables[name], f"value[{name!r}]")

    def _call_tool(self, caller: wasmtime.Caller, address: int, length: int, args: int, size: int) -> int:
        given = from_json(_text(caller, args, size))
        if not isinstance(given, list):
            raise GuestFailedError("TypeError", "dspex.call takes a list of arguments, as JSON")
        name = _text(caller, address, length)
        return self._offer(self.ask(name, tuple(given)), f"{name}()")

    def _offer(self, value: object, name: str) -> int:
        """Keep a value for `read`, which refusals call `name`; return its length."""
        self._pending = as_json(value, name)
        return len(self._pending)

    def _read(self, caller: wasmtime.Caller, address: int) -> None:
        memory, start = _memory(caller), address % _I32
        if start + len(self._pending) > memory.data_len(caller):
            raise GuestFailedError("IndexError", "dspex.read got an address beyond the module's memory")
        memory.write(caller, self._pending, start)

    def _result(self, caller: wasmtime.Caller, address: int, length: int) -> None:
        self.value = from_json(self._given(caller, address, length))

    def _give_text(self, caller: wasmtime.Caller, address: int, length: int) -> None:
        self.value = self._given(caller, address, length)

    def _given(self, caller: wasmtime.Caller, address: int, length: int) -> str:
        """Read a text that is, or holds, the value.

        Raises:
            ResultTooBigError: it is longer than the value may be, in any form.
        """
        assert self._call is not None  # noqa: S101 -- a program runs
        most, size = self._call.request.result_bytes, length % _I32
        if most is not None and size > most * JSON_PER_BYTE:
            raise ResultTooBigError(size)
        return _text(caller, address, length)

    def _fail(self, caller: wasmtime.Caller, *texts: int) -> NoReturn:
        kind, message, where = (
            _text(caller, texts[place], texts[place + 1], replace=True) for place in (0, 2, 4)
        )
        raise GuestFailedError(kind, message, where)


def _memory(caller: wasmtime.Caller) -> wasmtime.Memory:
    """Return the memory of the module that calls.

    Raises:
        GuestFailedError: it exports none.
    """
    memory = caller.get("memory")
    if not isinstance(memory, wasmtime.Memory):
        raise GuestFailedError("LinkError", "a module that calls dspex's functions must export its `memory`")
    return memory


def _text(caller: wasmtime.Caller, address: int, length: int, *, replace: bool = False) -> str:
    """Read a text in the memory of the module that calls.

    Raises:
        GuestFailedError: it is not within the memory, or not UTF-8.
    """
    memory, start, size = _memory(caller), address % _I32, length % _I32
    if start + size > memory.data_len(caller):
        raise GuestFailedError("IndexError", "a text of the guest's is not within its memory")
    data = bytes(memory.read(caller, start, start + size))
    try:
        return data.decode("utf-8", "replace" if replace else "strict")
    except UnicodeDecodeError as error:
        message = f"a text of the guest's is not UTF-8: {error}"
        raise GuestFailedError("UnicodeDecodeError", message) from error

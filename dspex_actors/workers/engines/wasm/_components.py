"""Components: programs of WebAssembly whose functions take and give more than numbers.

A component's functions are called like a module's exports, those of an interface as `"interface#function"`.
Variables are its parameters by name. It may import WASI preview 2, and the request's tools as functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wasmtime
from wasmtime import component

from dspex_actors.workers.engines._engine import GuestFailedError
from dspex_actors.workers.engines.wasm._numbers import ArgumentMismatchError
from dspex_actors.workers.engines.wasm._values import lifted, lowered, python_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dspex_actors.workers.engines.wasm._space import Space

_WASI = "wasi:"


def uses_wasi(engine: wasmtime.Engine, program: component.Component) -> bool:
    """Whether a component imports something of WASI."""
    return any(name.startswith(_WASI) for name in program.type.imports(engine))


def call_component(
    space: Space, program: component.Component, variables: Mapping[str, Any], invocation: Mapping[str, Any]
) -> Any:  # noqa: ANN401 -- a guest's value is any plain data
    """Call a function of a component, which is started for that.

    Args:
        space: where it runs.
        program: compiled.
        variables: of the request.
        invocation: how it is called.

    Raises:
        GuestFailedError: it imports what is not to be had, has no such function, or the arguments do not fit.
        WasmtimeError, Trap: it failed.
    """
    name, kind = _entry(space.engine, program, invocation.get("export", ""))
    arguments = _arguments(name, kind, variables, invocation.get("args", ()))
    linker = component.Linker(space.engine)
    linker.add_wasip2()
    _provide(space, program, linker)
    instance = linker.instantiate(space.store, program)
    function = instance.get_func(space.store, _index(space, instance, name))
    if function is None:
        raise GuestFailedError("ExportError", f"the component does not have its function {name}")
    value = function(space.store, *arguments)
    if isinstance(kind.result, component.ResultType):
        return _unwrapped(kind.result, value)
    return lifted(kind.result, value)


def _entry(
    engine: wasmtime.Engine, program: component.Component, export: str
) -> tuple[str, component.FuncType]:
    """Return the function that is called, and its type.

    Raises:
        GuestFailedError: there is none of the name, or no default.
    """
    functions: dict[str, component.FuncType] = {}
    for name, found in program.type.exports(engine).items():
        kind = found.ty
        if isinstance(kind, component.FuncType):
            functions[name] = kind
        elif isinstance(kind, component.ComponentInstanceType):
            for each, inner in kind.exports(engine).items():
                inner_kind = inner.ty
                if isinstance(inner_kind, component.FuncType):
                    functions[f"{name}#{each}"] = inner_kind
    wanted = export or (next(iter(functions)) if len(functions) == 1 else "main")
    for name, kind in functions.items():
        if wanted in (name, python_name(name)):
            return name, kind
    listed = ", ".join(functions) or "none"
    said = (
        f"exports no function {export!r}; it has"
        if export
        else "has no default function; name one as export:"
    )
    raise GuestFailedError("ExportError", f"the component {said} {listed}")


def _arguments(
    name: str,
    kind: component.FuncType,
    variables: Mapping[str, Any],
    args: Any,  # noqa: ANN401 -- a sequence
) -> list[Any]:
    """Return the arguments of a call: those that are given, or else the variables by their names.

    Raises:
        GuestFailedError: they do not fit.
    """
    parameters = [(python_name(each), its) for each, its in kind.params]
    by_name = [variables[each] for each, _ in parameters if each in variables]
    given = list(args) or by_name
    if len(given) != len(parameters):
        listed = ", ".join(each for each, _ in parameters)
        message = f"{name} takes {len(parameters)} arguments ({listed}), got {len(given)}"
        raise GuestFailedError("ArgumentError", message)
    try:
        return [lowered(each, its, value) for (each, its), value in zip(parameters, given, strict=True)]
    except ArgumentMismatchError as error:
        raise GuestFailedError("ArgumentError", str(error)) from error


def _provide(space: Space, program: component.Component, linker: component.Linker) -> None:
    """Define the tools that a component imports.

    Raises:
        GuestFailedError: it imports something else.
    """
    with linker.root() as root:
        for name, found in program.type.imports(space.engine).items():
            kind, tool = found.ty, python_name(name)
            if name.startswith(_WASI):
                continue
            if not isinstance(kind, component.FuncType) or not space.host.has_tool(tool):
                message = f"the component imports {name}, which it is not given; functions can be tools"
                raise GuestFailedError("ImportError", message)
            root.add_func(name, _tool(space, tool, kind.params, kind.result))


def _tool(
    space: Space,
    name: str,
    params: list[tuple[str, component.ValType]],
    result: component.ValType | None,
) -> Callable[..., Any]:
    """Return a function that calls a tool."""

    def call(_: object, *args: object) -> Any:  # noqa: ANN401 -- plain data
        plain = tuple(lifted(each, value) for (_, each), value in zip(params, args, strict=True))
        value = space.host.ask(name, plain)
        if result is None:
            return None
        try:
            return lowered(f"the result of the tool {name}", result, value)
        except ArgumentMismatchError as error:
            raise GuestFailedError("ToolError", str(error)) from error

    return call


def _index(space: Space, instance: component.Instance, name: str) -> Any:  # noqa: ANN401 -- wasmtime's index
    """Return where a function is."""
    interface, _, inner = name.partition("#")
    index = instance.get_export_index(space.store, interface)
    return instance.get_export_index(space.store, inner, index) if inner else index


def _unwrapped(kind: component.ResultType, value: Any) -> Any:  # noqa: ANN401 -- plain data
    """Return the value of a result that is good.

    Raises:
        GuestFailedError: it is an error.
    """
    if isinstance(value, component.Variant):
        if value.tag == "err":
            raise GuestFailedError("Err", str(lifted(kind.err, value.payload)))
        return lifted(kind.ok, value.payload)
    return lifted(kind.ok, value)

"""The parts of the frame that asks a worker to run code."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from dspex_actors.workers._protocol import Footprint, Request

if TYPE_CHECKING:
    from dspex_actors import values
    from dspex_actors._execution import Diagnostic
    from dspex_actors._limits import Limits

_encode = msgspec.msgpack.encode


class Program(NamedTuple):
    """Code that is more than text.

    Attributes:
        code: the source text; for a module that is to be run, its name.
        step: as in `Request`.
        module: code as bytes, None for none.
        diagnostics: what its compiler has said of it.
    """

    code: str
    step: str = ""
    module: bytes | memoryview | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


def parts_of(
    code: str | Program,
    variables: values.Encoded | None,
    limits: Limits,
    *,
    keep: bool,
    tools: tuple[str, ...],
    read: str,
    idle: Footprint | None = None,
) -> list[bytes | bytearray | memoryview]:
    """Return the parts of a request's frame.

    Args:
        code: the source text, or a program.
        variables: an encoded dict of names, None for none.
        limits: what the code may use.
        keep: whether names stay bound for the next request.
        tools: names that the code may call.
        read: the name whose value is asked for instead.
        idle: what the driver uses that runs the code; None without one.
    """
    program = code if isinstance(code, Program) else Program(code)
    request = Request(
        program.code,
        keep,
        None if keep else limits.cpu_s,  # see `CpuWatch`
        limits.memory_bytes,
        limits.output_bytes,
        limits.result_bytes,
        limits.file_bytes,
        limits.open_files,
        limits.processes,
        tools,
        read,
        limits.fuel,
        program.step,
        program.module is not None,
        limits.time_s,
        idle or Footprint(),
    )
    parts: list[bytes | bytearray | memoryview] = [_encode(request)]
    if variables is not None:
        parts += [variables.structure, *variables.buffers]
    if program.module is not None:
        parts.append(program.module)
    return parts

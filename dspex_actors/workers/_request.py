"""The parts of the frame that asks a worker to run code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from dspex_actors.workers._protocol import Request

if TYPE_CHECKING:
    from dspex_actors import values
    from dspex_actors._limits import Limits

_encode = msgspec.msgpack.encode


def parts_of(
    code: str,
    variables: values.Encoded | None,
    limits: Limits,
    *,
    keep: bool,
    tools: tuple[str, ...],
    read: str,
) -> list[bytes | bytearray | memoryview]:
    """Return the parts of a request's frame.

    Args:
        code: the source text.
        variables: an encoded dict of names, None for none.
        limits: what the code may use.
        keep: whether names stay bound for the next request.
        tools: names that the code may call.
        read: the name whose value is asked for instead.
    """
    request = Request(
        code,
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
        time_s=limits.time_s,
    )
    parts: list[bytes | bytearray | memoryview] = [_encode(request)]
    if variables is not None:
        parts += [variables.structure, *variables.buffers]
    return parts

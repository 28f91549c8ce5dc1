"""The trial of the layers: one worker that tries to break out, and a look at it from outside."""

from __future__ import annotations

import os
import socket
import struct
from typing import TYPE_CHECKING, NoReturn

import msgspec

from dspex_actors.workers import _protocol
from dspex_actors.workers.confine import _descriptors, _libc, _probe

if TYPE_CHECKING:
    from dspex_actors.workers._slots import Slots
    from dspex_actors.workers.confine._enter import Confinement, Slot

_SIZE = struct.Struct("I")
_KILL_S = 1.0  # seconds after which what is left of a killed worker counts as having survived


def try_layers(
    confinement: Confinement, slots: Slots, environment: dict[str, str]
) -> list[_protocol.LayerReport]:
    """Fork one worker that tries to break each layer, and report. Runs in the zygote.

    Args:
        confinement: the layers.
        slots: where its slot comes from.
        environment: what a guest's environment should be.

    Raises:
        OSError: the worker could not be forked, or ended without a report.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    slot = slots.take()
    zygote_pid = os.getpid()
    pid = slots.fork(slot)
    if pid == 0:
        ours.close()
        _try_to_break_out(confinement, theirs.detach(), slot, zygote_pid, environment)
    theirs.close()
    try:
        reports = _receive(ours)
        if reports:
            reports = _probe.check_namespaces(confinement, pid, reports)
    finally:
        survivors = _end(confinement, slots, slot, pid, ours)
        ours.close()
    slots.give_back(slot)
    if not reports:
        raise OSError(0, "the probe worker ended without a report")
    return [*reports, _probe.reliable_kill(confinement, reports, survivors=survivors)]


def _try_to_break_out(
    confinement: Confinement, data: int, slot: Slot, zygote_pid: int, environment: dict[str, str]
) -> NoReturn:
    """Be the worker that tries."""
    try:
        confinement.enter(data, slot, zygote_pid)
        _libc.prctl(_libc.PR_SET_DUMPABLE, 1)  # to be looked at, even as another user
        report = msgspec.msgpack.encode(_probe.probe(confinement, environment))
        channel = socket.socket(fileno=_descriptors.DATA_FD)
        if confinement.leaves_processes and slot.nanny is not None:
            _probe.leave_a_daemon()  # it holds the socket too
        channel.sendall(_SIZE.pack(len(report)) + report)
        channel.recv(1)  # live until it was looked at
    finally:
        os._exit(0)


def _receive(channel: socket.socket) -> list[_protocol.LayerReport]:
    """Return what the worker reports, an empty list if it ends without."""
    with channel.makefile("rb") as stream:
        size = stream.read(_SIZE.size)
        content = stream.read(*_SIZE.unpack(size)) if len(size) == _SIZE.size else b""
    return msgspec.msgpack.decode(content, type=list[_protocol.LayerReport]) if content else []


def _end(confinement: Confinement, slots: Slots, slot: Slot, pid: int, channel: socket.socket) -> bool:
    """End the worker as any other is ended; return whether anything of it has survived."""
    if slot.nanny is None or not confinement.leaves_processes:
        channel.shutdown(socket.SHUT_RDWR)
        os.waitpid(pid, 0)
        return False
    slot.nanny.kill()
    os.waitpid(pid, 0)
    slots.bury(slot.nanny.pidfd)
    channel.settimeout(_KILL_S)
    try:
        return bool(channel.recv(1))
    except TimeoutError:
        return True

"""Messages between host, zygote and worker come back as they were sent, and nothing else is taken for one."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import msgspec
import pytest

from dspex_actors.workers import _protocol
from dspex_actors.workers._protocol import (
    Born,
    Exited,
    Final,
    LayerReport,
    Ready,
    Request,
    ToolCall,
    ToolResult,
    Up,
    ZygoteConfig,
    receive_with_fds,
    send_with_fds,
)

MESSAGES = [
    Request("1 + 1"),
    Request("x", keep=True, cpu_s=0.5, memory_bytes=2**40, output_bytes=0, result_bytes=1, open_files=8),
    Request("x", tools=("search", "add")),
    Ready(_protocol.VERSION),
    ToolCall("search"),
    ToolResult("", ""),
    ToolResult("KeyError", "'x'"),
    Final("completed", cpu_s=0.1, memory_peak_bytes=1, dropped_bytes=2),
    Final("failed", "KeyError", "'x'", "Traceback"),
    Final("completed", is_last=True, dropped_notes=3),
    ZygoteConfig("process", {"numpy": "/x"}, ["/lib"], ["json"], {"A": "b"}, "/tmp/x"),  # noqa: S108 -- a text
    Up(_protocol.VERSION, [LayerReport("seccomp", True, "fork", "refused")]),
    Up(_protocol.VERSION, [], "it failed"),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_comes_back_equal(message):
    encoded = msgspec.msgpack.encode(message)

    assert msgspec.msgpack.decode(encoded, type=type(message)) == message


@pytest.mark.parametrize("message", [Born(5), Exited(256, 0.5)], ids=repr)
def test_control_messages_are_told_apart_by_their_tag(message):
    encoded = msgspec.msgpack.encode(message)

    assert msgspec.msgpack.decode(encoded, type=Born | Exited) == message


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_with_wrong_types_or_cut_short_is_refused(message):
    encoded = msgspec.msgpack.encode(message)
    for wrong in (encoded[:-1], b"", b"\xc0", b"\x90", b"\x93\xc0\xc0\xc0", b"\xc1"):
        with pytest.raises(msgspec.MsgspecError):
            msgspec.msgpack.decode(wrong, type=type(message))


def open_files():
    return {path.name for path in Path("/proc/self/fd").iterdir()}


@pytest.fixture
def pair():
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with left, right:
        yield left, right


def test_descriptors_arrive_with_their_datagram_and_are_not_inherited(pair):
    read, write = os.pipe()
    send_with_fds(pair[0], b"here", [write])
    os.close(write)

    data, fds = receive_with_fds(pair[1], 100, 1)

    assert data == b"here"
    assert [os.get_inheritable(fd) for fd in fds] == [False]
    os.write(fds[0], b"through")
    assert os.read(read, 100) == b"through"
    for fd in (read, *fds):
        os.close(fd)


def test_more_descriptors_than_asked_for_do_not_leak(pair):
    before = open_files()
    null = os.open(os.devnull, os.O_RDONLY)
    send_with_fds(pair[0], b"two", [null, null])
    os.close(null)

    _, fds = receive_with_fds(pair[1], 100, 1)
    for fd in fds:
        os.close(fd)

    assert open_files() == before


def test_the_end_of_the_peer_is_empty_bytes_without_descriptors(pair):
    pair[0].close()

    assert receive_with_fds(pair[1], 100, 2) == (b"", [])

"""A worker played by the test: hand-made frames on the socket, a stand-in for the process."""

from __future__ import annotations

import array
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from contextlib import suppress

import msgspec

from dspex_actors import (
    Limits,
    values,
)
from dspex_actors.workers import WorkerProcess, _framing, _protocol
from dspex_actors.workers._protocol import Final, FrameType
from tests.integration._tools import CEILING_S, TIMERS

LIMITS = Limits(time_s=CEILING_S, output_bytes=100, result_bytes=1000)
HEADER = struct.Struct("<IBQ")
encode = msgspec.msgpack.encode
READY = encode(_protocol.Ready(_protocol.VERSION))


def frame(kind, nonce, payload=b""):
    return HEADER.pack(len(payload), kind, nonce) + payload


def packed(*parts):
    return b"".join(bytes(block) for block in _framing.pack_parts(parts))


def value_parts(value, **options):
    encoded = values.encode(value, **options)
    return [encoded.structure, *encoded.buffers]


def final(nonce, *, value=5, outcome="completed", **fields):
    return frame(FrameType.FINAL, nonce, packed(encode(Final(outcome, **fields)), *value_parts(value)))


class FakeWorker:
    """The host's handle on a stand-in process, and the worker's end of its socket."""

    def __init__(self, kind=WorkerProcess):
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
        )
        data, self.socket = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        control, self.zygote = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.worker = kind(data, control, 7, "process", {"seccomp": True})
        pidfd = os.pidfd_open(self.process.pid)
        born = encode(_protocol.Born(self.process.pid))
        self.zygote.sendmsg([born], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [pidfd]))])
        os.close(pidfd)
        self.reaper = threading.Thread(target=self._reap)
        self.reaper.start()

    def _reap(self):
        code = self.process.wait()
        with suppress(OSError):  # the host has given this worker up
            self.zygote.send(encode(_protocol.Exited(-code if code < 0 else code << 8, 0.0)))

    def wait_killed(self):
        """Wait until the process was killed: it ends by nothing else.

        The status is 0 when the host was faster to collect it, as it does with what it has adopted.
        """
        return self.process.wait(CEILING_S) in {-signal.SIGKILL, 0}

    def ready(self, raw=None):
        self.socket.sendall(frame(FrameType.READY, 0, READY) if raw is None else raw)
        self.worker.wait_ready(CEILING_S, TIMERS)

    def execute(self, play, limits=LIMITS, *, keep=False, tools=None):
        """Run one request; `play(nonce, socket)` is the worker's part."""

        def part():
            header = self.socket.recv(HEADER.size, socket.MSG_WAITALL)
            size, _, nonce = HEADER.unpack(header)
            self.socket.recv(size, socket.MSG_WAITALL)
            try:
                play(nonce, self.socket)
            except OSError:
                return  # the host has closed its end, as it may

        thread = threading.Thread(target=part)
        thread.start()
        try:
            return self.worker.execute("1", None, limits, TIMERS, keep=keep, tools=tools)
        finally:
            if not keep:
                self.worker._data.shutdown(socket.SHUT_RDWR)
            thread.join(CEILING_S)

    def close(self):
        self.worker.close()
        self.process.kill()
        self.reaper.join(CEILING_S)
        self.process.stdin.close()
        self.socket.close()
        self.zygote.close()

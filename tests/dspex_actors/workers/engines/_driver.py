"""A driver in Python: what it is to do comes as the code of each request, as a Python expression.

{"final": {...}, "value": ..., "tool": [name, args], "say": [stdout, stderr], "raw": bytes, "exit": 3,
 "output": [[b"1", b"text"], ...], "notes": [{...}, ...]}
"""

from __future__ import annotations

import json
import os
import resource
import socket
import sys

from dspex_actors import values
from dspex_actors.workers import _framing
from dspex_actors.workers._protocol import FrameType

CHANNEL = socket.socket(fileno=3)
READER = _framing.FrameReader(CHANNEL, dict.fromkeys((FrameType.EXECUTE, FrameType.TOOL_RESULT), 2**30))


def send(kind, head, value=None):
    encoded = values.encode(value)
    parts = [json.dumps(head).encode(), encoded.structure, *encoded.buffers]
    _framing.send_frame(CHANNEL, kind, 0, _framing.pack_parts(parts))


def receive():
    frame = READER.read()
    if frame is None:
        sys.exit(0)
    head, *rest = _framing.split_parts(frame.payload)
    return json.loads(bytes(head)), values.decode(rest[0], rest[1:]) if rest else None


def limits():
    names = "RLIMIT_DATA", "RLIMIT_NOFILE", "RLIMIT_FSIZE", "RLIMIT_NPROC", "RLIMIT_CPU"
    return {name: list(resource.getrlimit(getattr(resource, name))) for name in names}


def obey(order):
    answer = None
    for descriptor, text in enumerate(order.get("say", ()), start=1):
        os.write(descriptor, text.encode())
    for parts in order.get("output", ()):
        _framing.send_frame(CHANNEL, FrameType.OUTPUT, 0, _framing.pack_parts(parts))
    for notes in order.get("notes", ()):
        part = json.dumps(notes).encode()
        _framing.send_frame(CHANNEL, FrameType.NOTES, 0, _framing.pack_parts([part]))
    if "raw" in order:
        CHANNEL.sendall(order["raw"])
    if "tool" in order:
        name, args = order["tool"]
        send(FrameType.TOOL_CALL, {"tool": name}, args)
        answer = receive()
    if "signal" in order:
        os.kill(os.getpid(), order["signal"])
    if "exit" in order:
        os._exit(order["exit"])
    value = {"answer": list(answer)} if answer else order.get("value")
    send(FrameType.FINAL, order.get("final", {"outcome": "completed"}), value)


def main():
    send(FrameType.READY, {"version": "1.0", "cpu_s": 0.5, "memory_peak_bytes": 2**20})
    while True:
        head, variables = receive()
        obey(eval(head["code"], {"variables": variables, "head": head, "limits": limits}))  # noqa: S307 -- a test's own


main()

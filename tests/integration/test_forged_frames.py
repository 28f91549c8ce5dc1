"""Guest code that writes frames of its own to the host: at most a lie about its own result, else the end.

Guest code shares its worker's interpreter, so it has the socket and finds the nonce of its request.
"""

from __future__ import annotations

import pytest

from dspex_actors import Completed, LimitExceeded, Limits, WorkerDied, WorkerDiedError
from tests.integration._tools import runtime_of

LIMITS = Limits(time_s=2.0, output_bytes=1000, result_bytes=10_000)
TOOLS = """
import os, struct, sys, threading
from msgspec import msgpack
from dspex_actors import values
from dspex_actors.workers import _framing, _protocol
caller = sys._getframe()
while type(caller.f_locals.get("self")).__name__ != "Worker": caller = caller.f_back
nonce = caller.f_locals["self"]._nonce
def write(data):
    while data: data = data[os.write(3, data):]
def frame(kind, nonce, payload=b"", length=None):
    return struct.pack("<IBQ", len(payload) if length is None else length, kind, nonce) + payload
def final(value, nonce=nonce, **fields):
    encoded = values.encode(value)
    message = msgpack.encode(_protocol.Final("completed", **fields))
    parts = _framing.pack_parts([message, encoded.structure, *encoded.buffers])
    return frame(4, nonce, b"".join(map(bytes, parts)))
"""
REST = "\nwhile True: pass"


@pytest.fixture(scope="module")
def runtime(clean_module):  # noqa: ARG001 -- set up before
    with runtime_of(limits=LIMITS) as runtime:
        yield runtime


pytestmark = pytest.mark.may_leak("the runtime of this module has workers that come and go")

BROKEN = {
    "a frame of the next request": "write(final(1, nonce + 1))",
    "a frame of the request before": "write(final(1, nonce - 1))",
    "a type that there is not": "write(frame(77, nonce))",
    "ready once more": "write(frame(2, 0, b'\\x91\\x01'))",
    "a request to the host": "write(frame(1, nonce, b'\\x91\\xa11'))",
    "a length of four gigabytes": "write(frame(4, nonce, length=2**32 - 1))",
    "a length just above the cap": "write(frame(4, nonce, length=10_000 + 64 * 1024 + 1))",
    "a value above the limit": "write(final(b'x' * 20_000))",
    "output above the limit": "write(frame(3, nonce, b'\\x01' + b'x' * 1001))",
    "output above the cap of a frame": "write(frame(3, nonce, length=64 * 1024 + 2))",
    "output of a third stream": "write(frame(3, nonce, b'\\x03x'))",
    "figures that are none": "write(final(1, cpu_s=float('nan')))",
    "a pickle": "write(frame(4, nonce, struct.pack('<IQ', 1, 9) + bytes(4) + b'cos\\nabort.'))",
    "noise": "write(os.urandom(3000))",
    "half a frame and the end": "write(final(1)[:-1])\nos._exit(0)",
}


@pytest.mark.parametrize("forgery", BROKEN.values(), ids=BROKEN)
def test_a_forged_frame_ends_the_worker_and_one_error_with_it(runtime, forgery):
    result = runtime.execute(TOOLS + forgery + REST)

    assert isinstance(result, WorkerDied), result
    assert "broke the protocol" in result.detail
    with pytest.raises(WorkerDiedError):
        result.unwrap()
    assert runtime.execute("6 * 7").value == 42


LIES = {
    "a result of its own": ("write(final('a lie'))", "a lie"),
    "a result of its own in pieces": ("for byte in final('a lie'): os.write(3, bytes([byte]))", "a lie"),
    "two results": ("write(final('a lie') + final('another'))", "a lie"),
    "a result and noise": ("write(final('a lie') + os.urandom(50_000))", "a lie"),
    "a result in its thread": ("threading.Thread(target=write, args=(final('a lie'),)).start()", "a lie"),
}


@pytest.mark.parametrize(("forgery", "value"), LIES.values(), ids=LIES)
def test_a_well_formed_lie_is_the_guests_own_result_and_ends_its_worker(runtime, forgery, value):
    result = runtime.execute(TOOLS + forgery + REST)

    assert isinstance(result, Completed), result
    assert result.value == value
    assert runtime.execute("6 * 7").value == 42


def test_frames_that_a_thread_sends_after_the_result_reach_nobody(runtime):
    flood = "threading.Thread(target=lambda: [write(final(n)) for n in range(10**6)], daemon=True).start()\n5"

    results = [runtime.execute(TOOLS + flood) for _ in range(5)]

    assert {type(result) for result in results} <= {Completed, WorkerDied}
    assert runtime.execute("6 * 7").value == 42


def test_half_a_frame_that_never_ends_is_ended_by_the_time_limit(runtime):
    result = runtime.execute(TOOLS + "write(final(1)[:9])" + REST, limits=Limits(time_s=0.3))

    assert isinstance(result, LimitExceeded)
    assert result.limit == "time"

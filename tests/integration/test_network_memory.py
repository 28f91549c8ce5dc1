"""What a guest keeps between the sockets of its own network is memory, and counts as its own."""

from __future__ import annotations

import pytest

from dspex_actors import MIB, Completed, LimitExceeded, Limits, Policy
from tests.integration._tools import CEILING_S, runtime_of

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")

LIMITS = Limits(time_s=CEILING_S, memory_bytes=64 * MIB)


@pytest.fixture(scope="module")
def runtime(clean_module):  # noqa: ARG001 -- set up before
    policy = Policy(profile="shell", packages=(), network=("127.0.0.1:9",))
    with runtime_of(policy=policy, limits=LIMITS, spares=1) as runtime:
        yield runtime
    assert runtime.stop().clean


# Nobody accepts, so what arrives belongs to no process and to no control group; and who sends goes away.
FILL = """
import _socket, time

CHUNK = bytes(65536)
sent, left = 0, []
for _ in range(60):
    listener = _socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(16)
    left.append(listener)
    for _ in range(12):
        caller = _socket.socket()
        caller.connect(listener.getsockname())
        caller.setblocking(False)
        try:
            while sent < most:
                sent += caller.send(CHUNK)
        except BlockingIOError:
            pass
        caller.close()
    if sent >= most:
        break
if sent > 64 * 2**20:
    time.sleep(60)  # longer than there is time
sent >= most
"""


def test_a_guest_that_fills_its_own_sockets_beyond_its_limit_of_memory_is_ended(runtime):
    within = runtime.execute(FILL, variables={"most": 16 * MIB})
    beyond = runtime.execute(FILL, variables={"most": 160 * MIB})

    assert isinstance(within, Completed), within
    assert within.value is True
    assert isinstance(beyond, LimitExceeded), beyond
    assert beyond.limit == "memory"


def test_a_guest_cannot_make_the_buffers_of_its_sockets_larger(runtime):
    code = """
import _socket
sock, found = _socket.socket(), []
for option in (_socket.SO_SNDBUF, _socket.SO_RCVBUF):
    before = sock.getsockopt(_socket.SOL_SOCKET, option)
    sock.setsockopt(_socket.SOL_SOCKET, option, before * 3)
    found.append(sock.getsockopt(_socket.SOL_SOCKET, option) == before)
sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_KEEPALIVE, 1)
[*found, sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_KEEPALIVE)]
"""
    assert runtime.execute(code).value == [True, True, 1]

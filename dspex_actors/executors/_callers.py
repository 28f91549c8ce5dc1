"""Who connects to the proxy in a guest's own network: programs that know nothing of the host.

They are read in the host, in the thread of its event loop. A caller may take all the time of its execution
for what it asks; how many there are is bounded by the limit of connections, and what each may say before it
is understood by `MAX_HEAD`.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from dspex_actors.executors import _relay
from dspex_actors.executors._proxy_request import (
    MAX_HEAD,
    SOCKS,
    SOCKS_MISUNDERSTANDING,
    SOCKS_WELCOME,
    BadRequestError,
    greeting_size,
    http_answer,
    http_misunderstanding,
    read_http,
    read_socks,
    request_size,
    socks_answer,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from dspex_actors._network import Rule
    from dspex_actors.executors._proxy_request import Wanted
    from dspex_actors.workers import ConnectCode

_CHUNK = 16 * 1024
_MOST_WAITING = 65  # callers that the kernel lets wait, one more than the listener's backlog
_PAUSE_S = 0.2  # until callers are taken again when there was no descriptor left for one
_LINGER_S = 1.0  # until a caller that was refused is left, who may still be sending


class Callers:
    """Takes callers while a request is under way. All of it runs in the loop's thread.

    Args:
        listener: never blocks.
        take: given each caller, and owns it.
    """

    def __init__(self, listener: socket.socket, take: Callable[[socket.socket], object]) -> None:
        self._listener = listener
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._again: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Turn away who has come before, and take who comes."""
        for _ in range(_MOST_WAITING):
            try:
                self._listener.accept()[0].close()
            except OSError:  # there are no more, or no descriptors
                break
        self._watch()

    def _watch(self) -> None:
        self._again = None
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        try:
            caller, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError:  # no descriptor is left
            self._loop.remove_reader(self._listener)
            self._again = self._loop.call_later(_PAUSE_S, self._watch)
            return
        caller.settimeout(0)
        self._take(caller)

    def close(self) -> None:
        """Take no more."""
        if self._again is not None:
            self._again.cancel()
        self._loop.remove_reader(self._listener)


class _GoneError(Exception):
    """The caller has ended before it has said what it wants."""


class _Caller:
    """A caller's socket, and what has been read of it and not been used.

    Args:
        sock: never blocks.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = b""

    async def read(self) -> None:
        """Add what comes next to the buffer.

        Raises:
            _GoneError: nothing comes any more.
        """
        data = await asyncio.get_running_loop().sock_recv(self.sock, _CHUNK)
        if not data:
            raise _GoneError
        self.buffer += data

    async def read_to(self, size_of: Callable[[bytes], int]) -> bytes:
        """Return as many bytes as `size_of` says from those that are there.

        Raises:
            _GoneError: they do not come.
            BadRequestError: raised by `size_of`.
        """
        while len(self.buffer) < size_of(self.buffer):
            await self.read()
        size = size_of(self.buffer)
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    async def say(self, data: bytes) -> None:
        """Send all of it."""
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def leave(self) -> None:
        """Let it read what it was told: a socket that is closed with something unread takes that back."""
        self.sock.shutdown(socket.SHUT_WR)
        with suppress(TimeoutError, _GoneError):
            async with asyncio.timeout(_LINGER_S):
                while True:
                    self.buffer = b""
                    await self.read()


class _Speech(NamedTuple):
    """How a caller speaks.

    Attributes:
        hear: reads what it wants.
        answer: makes what it is told.
        misunderstood: makes what it is told if that was no request.
    """

    hear: Callable[[_Caller], Awaitable[Wanted]]
    answer: Callable[[ConnectCode, str], bytes]
    misunderstood: Callable[[BadRequestError], bytes]


async def _hear_http(caller: _Caller) -> Wanted:
    def size_of(data: bytes) -> int:
        end = data.find(b"\r\n\r\n", 0, MAX_HEAD)
        if end < 0 and len(data) >= MAX_HEAD:
            raise BadRequestError(f"a head of less than {MAX_HEAD} bytes")
        return len(data) + 1 if end < 0 else end + 4

    return read_http(await caller.read_to(size_of))


async def _hear_socks(caller: _Caller) -> Wanted:
    await caller.read_to(greeting_size)
    await caller.say(SOCKS_WELCOME)
    return read_socks(await caller.read_to(request_size))


_HTTP = _Speech(_hear_http, http_answer, http_misunderstanding)
_SOCKS = _Speech(_hear_socks, lambda code, _: socks_answer(code), lambda _: SOCKS_MISUNDERSTANDING)


async def serve(
    sock: socket.socket,
    rules: Sequence[Rule],
    resolve: Callable[[str, int], Awaitable[Sequence[str]]],
    count: Callable[[int], None],
) -> None:
    """Hear what a caller wants, make the connection if the rules allow it, and carry it to its end.

    Args:
        sock: the caller's, which never blocks; closed by whoever calls this.
        rules: of the policy.
        resolve: as for `_relay.serve`.
        count: as for `_relay.serve`.

    Raises:
        Exception: what `count` raised.
    """
    caller = _Caller(sock)
    with suppress(OSError, _GoneError):
        await caller.read()
        speech = _SOCKS if caller.buffer[0] == SOCKS else _HTTP
        try:
            wanted = await speech.hear(caller)
        except BadRequestError as error:
            await caller.say(speech.misunderstood(error))
            await caller.leave()
            return
        code, text, server = await _relay.connect(wanted.host, wanted.port, rules, resolve)
        if server is None:
            await caller.say(speech.answer(code, text))
            await caller.leave()
            return
        with server:
            if wanted.is_tunnel:
                await caller.say(speech.answer(code, text))
            if first := wanted.first + caller.buffer:
                count(len(first))
                await asyncio.get_running_loop().sock_sendall(server, first)
            await _relay.carry_both(sock, server, count)

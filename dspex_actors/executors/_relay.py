"""One connection of a guest: made in the host after the list allowed it, and carried until it ends.

What crosses it is bytes; with TLS they are the guest's and the server's secret, for the host does not decrypt
anything.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from dspex_actors._network import RefusedError, judge_addresses, judge_request
from dspex_actors.workers import ConnectCode, encode_answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from dspex_actors._network import Rule

CONNECT_S = 10.0
"""Seconds in which a name has to be resolved and a connection made; a guest may give up earlier."""

_CHUNK = 64 * 1024  # bytes carried at once; each connection holds at most two of them


class Asked(NamedTuple):
    """What a guest wants.

    Attributes:
        host: as it wrote it.
        port: of it.
        padding: bytes in its socket that are to be dropped.
        guest: its socket, which never blocks.
    """

    host: str
    port: int
    padding: int
    guest: socket.socket


async def serve(
    asked: Asked,
    rules: Sequence[Rule],
    resolve: Callable[[str, int], Awaitable[Sequence[str]]],
    count: Callable[[int], None],
) -> None:
    """Make a connection if the rules allow it, tell the guest, and carry it to its end.

    Args:
        asked: closed by the caller.
        rules: of the policy.
        resolve: returns the addresses of a name, as text; raises `socket.gaierror` if it has none.
        count: told of bytes before they are carried; may raise to end the connection.

    Raises:
        Exception: what `count` raised.
    """
    code, text, server = await connect(asked.host, asked.port, rules, resolve)
    try:
        with suppress(OSError):  # the guest has closed its end
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(asked.guest, encode_answer(code, text))
            await _drop(asked.guest, asked.padding)
            if server is not None:
                await carry_both(asked.guest, server, count)
    finally:
        if server is not None:
            server.close()


async def connect(
    host: str, port: int, rules: Sequence[Rule], resolve: Callable[[str, int], Awaitable[Sequence[str]]]
) -> tuple[ConnectCode, str, socket.socket | None]:
    """Return what to tell the guest, and the connected socket if there is one.

    Args:
        host: as the guest wrote it.
        port: of it.
        rules: of the policy.
        resolve: as for `serve`.
    """
    where = f"{host} port {port}"
    try:
        wanted = judge_request(rules, host, port)
        async with asyncio.timeout(CONNECT_S):
            if isinstance(wanted, str):
                addresses = judge_addresses(rules, await resolve(wanted, port), port)
            else:
                addresses = [str(wanted)]
            return ConnectCode.CONNECTED, "", await _first_of(addresses, port)
    except RefusedError as error:
        return ConnectCode.NOT_ALLOWED, str(error), None
    except socket.gaierror:
        return ConnectCode.NO_SUCH_NAME, f"the host knows no address of {host}", None
    except TimeoutError:
        return ConnectCode.TIMED_OUT, f"no connection to {where} in time", None
    except ConnectionRefusedError:
        return ConnectCode.REFUSED, f"nobody listens at {where}", None
    except OSError as error:
        return ConnectCode.UNREACHABLE, f"no way to {where}: {error.strerror or error}", None


async def _first_of(addresses: Sequence[str], port: int) -> socket.socket:
    """Connect to the first address that answers, each in its share of the time.

    Raises:
        OSError: none did; of the last one.
    """
    for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
        try:
            async with asyncio.timeout(CONNECT_S / len(addresses)):
                return await _connected(address, port)
        except OSError:
            if left == 1:
                raise
    raise RefusedError("the name leads nowhere")


async def _connected(address: str, port: int) -> socket.socket:
    """Connect to an address.

    Raises:
        OSError: nobody answered.
    """
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.settimeout(0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return sock


async def _drop(guest: socket.socket, size: int) -> None:
    """Read bytes that a guest has put into its socket beforehand."""
    loop = asyncio.get_running_loop()
    while size and (dropped := await loop.sock_recv(guest, min(size, _CHUNK))):
        size -= len(dropped)


async def carry_both(guest: socket.socket, server: socket.socket, count: Callable[[int], None]) -> None:
    """Carry bytes in both directions until both have ended, or one has failed.

    Raises:
        OSError: one has failed.
        Exception: what `count` raised.
    """
    ways = [asyncio.ensure_future(_carry(*way, count)) for way in ((guest, server), (server, guest))]
    try:
        await asyncio.gather(*ways)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.wait(ways)
        for way in ways:
            way.cancelled() or way.exception()  # the other one's error is told already


async def _carry(source: socket.socket, target: socket.socket, count: Callable[[int], None]) -> None:
    """Carry bytes until the source has no more, then tell the target so."""
    loop = asyncio.get_running_loop()
    while data := await loop.sock_recv(source, _CHUNK):
        count(len(data))
        await loop.sock_sendall(target, data)
    with suppress(OSError):  # it is closed already
        target.shutdown(socket.SHUT_WR)

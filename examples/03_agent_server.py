"""A TCP server that executes what it is sent, takes 50 requests at a time, and drains at SIGTERM."""

from __future__ import annotations

import asyncio
import json
import os
import signal

import dspex_actors as dspex

# expect: 50 of 50 finished, drained: True, a late one: RuntimeClosedError


class Server:
    """Takes a line of JSON with code in it, answers with a line of JSON."""

    def __init__(self, rt: dspex.Runtime) -> None:
        self.rt = rt
        self.accepted = asyncio.Semaphore(0)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        code = json.loads(await reader.readline())
        self.accepted.release()
        try:
            answer = {"value": (await self.rt.aexecute(code)).unwrap()}
        except dspex.DspexError as error:
            answer = {"error": type(error).__name__}
        writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()


async def ask(port: int, code: str) -> dict[str, object]:
    """Send one request and return its answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(json.dumps(code).encode() + b"\n")
    answer: dict[str, object] = json.loads(await reader.readline())
    writer.close()
    return answer


async def main() -> None:
    """Stop in the middle of 50 requests and count what was finished."""
    async with dspex.Runtime(dspex.RuntimeConfig(handle_signals=True)) as rt:
        server = Server(rt)
        async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listener:
            port = listener.sockets[0].getsockname()[1]
            clients = [asyncio.create_task(ask(port, f"{n} ** 2")) for n in range(50)]
            for _ in clients:
                await server.accepted.acquire()
            os.kill(os.getpid(), signal.SIGTERM)  # most of them wait in the runtime's queue now
            done = [answer.get("value") == n**2 for n, answer in enumerate(await asyncio.gather(*clients))]
            report = await rt.astop()
            late = await ask(port, "1 + 1")
    print(f"{sum(done)} of {len(done)} finished, drained: {report.drained}, a late one: {late['error']}")


asyncio.run(main())

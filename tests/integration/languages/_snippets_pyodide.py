"""The programs of Pyodide: Python's, but for those that leave it for the Node around it."""

from __future__ import annotations

from tests.integration.languages._snippets_shape import PLAIN, Snippets

PYODIDE = Snippets(
    language="pyodide",
    two="1 + 1",
    echo="x",
    values=(
        *PLAIN,
        *(2**70, -(2**70), -(2**63), 2**64 - 1, -0.0, float("inf"), 1 + 2j),
        *((1, 2), {1, 2}, frozenset({1}), range(3), {1: "a"}, {(1, "x"): None}),
        *(b"\0\xff" * 3000, bytearray(b"ab"), "ü€𝄞" * 3000, [0.5] * 5000, list(range(5000))),
    ),
    total="a + b",
    prints="import sys\nprint('out')\nprint('err', file=sys.stderr)",
    broken=("x = 1\ny = (\n", "SyntaxError"),
    wrong=((2, 5),),
    raises=("x = 1\nraise ValueError('so it goes')\n", "ValueError"),
    loop="while True: pass",
    hungry="kept = []\nwhile True: kept.append(bytearray(2 ** 20))",
    flood="for _ in range(2000): print('x' * 99)\n1",
    long_text="'x' * 5000",
    connects="import asyncio, js\n"
    "from pyodide.ffi import create_proxy\n"
    "done = asyncio.get_running_loop().create_future()\n"
    "socket = js.process.getBuiltinModule('net').connect({port}, '127.0.0.1')\n"
    "socket.on('connect', create_proxy(lambda *_: done.set_result('connected')))\n"
    "socket.on('error', create_proxy(lambda error, *_: done.set_exception(OSError(error.message))))\n"
    "await done",
    reads="open('/host' + {path!r}).read()",
    environment="import js, os\nsorted({*os.environ, *js.Object.keys(js.process.env)})",
    remember="kept = 41",
    recall="kept + 1",
)

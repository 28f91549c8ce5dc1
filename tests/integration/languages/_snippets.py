"""The programs of the contract of languages: one row for each language, one column for each promise.

A program's value is its last expression's, in the language's way. `{port}` and `{path}` are filled in by the
tests. A language that has no way to do a thing leaves the column empty, and says why in `cannot`.
"""

from __future__ import annotations

from tests.integration.languages._snippets_pyodide import PYODIDE
from tests.integration.languages._snippets_rust import RUST, RUST_NATIVE
from tests.integration.languages._snippets_shape import PLAIN, Snippets
from tests.integration.languages._snippets_wasm import WASM

PYTHON = Snippets(
    language="python",
    two="1 + 1",
    echo="x",
    values=(*PLAIN, 2**70, -(2**70), (1, 2), {1, 2}, b"\0\xff" * 3000, float("inf"), {1: "a"}),
    total="a + b",
    prints="import sys\nprint('out')\nprint('err', file=sys.stderr)",
    broken=("x = 1\ny = (\n", "SyntaxError"),
    wrong=((2, 5),),
    raises=("x = 1\nraise ValueError('so it goes')\n", "ValueError"),
    loop="while True: pass",
    hungry="kept = []\nwhile True: kept.append(bytearray(2 ** 20))",
    flood="for _ in range(2000): print('x' * 99)\n1",
    long_text="'x' * 5000",
    connects="import socket\nsocket.create_connection(('127.0.0.1', {port}))\n'connected'",
    reads="open({path!r}).read()",
    environment="import os\nsorted(os.environ)",
    remember="kept = 41",
    recall="kept + 1",
)

_NUMBERS = ((1.0, 1), (2**53 + 2.0, 2**53 + 2.0))
_JAVASCRIPT_VALUES = (*PLAIN, 2**70, -(2**70), 2**63, {1, 2}, b"\0\xff" * 3000, float("inf"), -0.0, {1: "a"})

JAVASCRIPT = Snippets(
    language="javascript",
    two="1 + 1",
    echo="x",
    values=_JAVASCRIPT_VALUES,
    changed=(
        *_NUMBERS,
        ((1, 2), [1, 2]),
        (frozenset({1}), {1}),
        (bytearray(b"ab"), b"ab"),
        (range(3), [0, 1, 2]),
    ),
    total="a + b",
    prints="console.log('out');\nconsole.error('err');",
    broken=("const x = 1;\nconst y = ;\n", "SyntaxError"),
    wrong=((2, 11),),
    raises=("const x = 1;\nthrow new RangeError('so it goes');\n", "RangeError"),
    loop="for (;;);",
    hungry="const kept = [];\nfor (;;) kept.push(new Uint8Array(2 ** 20).fill(1));",
    flood="for (let i = 0; i < 2000; i++) console.log('x'.repeat(99));\n1",
    long_text="'x'.repeat(5000)",
    connects="const connect = require('net').connect;\n"
    "await new Promise((yes, no) => connect({port}, '127.0.0.1', yes).on('error', no));\n'connected'",
    reads="require('fs').readFileSync({path!r}, 'utf8')",
    environment="Object.keys(require('process').env).sort()",
    chats=(
        "console.log('a', 1);\nconsole.warn('b\\nc');\nconsole.info();\n2",
        (("log", "a 1"), ("warn", "b\nc"), ("info", "")),
    ),
    remember="const kept = 41",
    recall="kept + 1",
)

TYPESCRIPT = Snippets(
    language="typescript",
    two="const one: number = 1;\none + 1",
    echo="x as unknown",
    values=_JAVASCRIPT_VALUES,
    changed=JAVASCRIPT.changed,
    total="((first: number, second: number): number => first + second)(a, b)",
    prints="const say = (text: string): void => console.log(text);\nsay('out');\nconsole.error('err');",
    broken=("const x: number = 1;\nconst y: = 2;\n", "SyntaxError"),
    wrong=((2, 10),),
    raises=("interface Thing { x: number }\nthrow new RangeError('so it goes' as string);\n", "RangeError"),
    loop="for (;;);",
    hungry=JAVASCRIPT.hungry,
    flood="for (let i: number = 0; i < 2000; i++) console.log('x'.repeat(99));\n1",
    long_text="'x'.repeat(5000) as string",
    connects=JAVASCRIPT.connects,
    reads=JAVASCRIPT.reads,
    environment=JAVASCRIPT.environment,
    chats=JAVASCRIPT.chats,
    remember="const kept: number = 41",
    recall="kept + 1 satisfies number",
)

ELIXIR = Snippets(
    language="elixir",
    two="1 + 1",
    echo="x",
    values=(*PLAIN, 2**70, -(2**70), 2**63, (1, 2), {1, 2}, b"\0\xff" * 3000, -0.0, 1.0, {1: "a"}, range(3)),
    changed=((b"ab", "ab"), (bytearray(b"\xff"), b"\xff"), (frozenset({1}), {1}), ({(): None}, {(): None})),
    total="a + b",
    prints='IO.puts("out")\nIO.puts(:stderr, "err")',
    broken=("x = 1\ny = )\n", "SyntaxError"),
    wrong=((2, 5),),
    warns=("defmodule Warns do\n  def f(x), do: 1\n  defp g, do: 2\nend\n2", (2, 3)),
    raises=('x = 1\nraise ArgumentError, "so it goes"\n', "ArgumentError"),
    loop="loop = fn loop -> loop.(loop) end\nloop.(loop)",
    hungry="hungry = fn hungry, kept -> hungry.(hungry, [:binary.copy(<<1>>, 1_048_576) | kept]) end\n"
    "hungry.(hungry, [])",
    flood='for _ <- 1..2000, do: IO.puts(String.duplicate("x", 99))\n1',
    long_text='String.duplicate("x", 5000)',
    connects='{{:ok, _}} = :gen_tcp.connect({{127, 0, 0, 1}}, {port}, [])\n"connected"',
    reads='File.read!("{path}")',
    environment="Map.keys(System.get_env())",
    remember="kept = 41",
    recall="kept + 1",
)

ROWS = (PYTHON, JAVASCRIPT, TYPESCRIPT, WASM, RUST, RUST_NATIVE, ELIXIR, PYODIDE)
"""One for each language; a new language adds one."""

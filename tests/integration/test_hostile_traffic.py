"""Hostile guests from many clients: each call has its result, and no supervisor restarts anything."""

from __future__ import annotations

import concurrent.futures

from dspex_actors import MIB, Completed, Failed, LimitExceeded, Limits, WorkerDied
from tests.integration._tools import Events, generations, runtime_of

LIMITS = Limits(time_s=0.3, cpu_s=5.0, memory_bytes=64 * MIB, output_bytes=10_000, result_bytes=10_000)
FORGED = (
    "import os, struct\nos.write(3, struct.pack('<IBQ', {length}, {kind}, 1) + {payload})\nwhile True: pass"
)
SNIPPETS = [
    "while True: pass",
    "import os; os._exit(3)",
    "import os; os.abort()",
    "import ctypes; ctypes.string_at(0)",
    "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
    "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "blocks = []\nwhile True: blocks.append(bytearray(2**20))",
    "'x' * 2**40",
    "while True: print('x' * 1000)",
    "'x' * 10**6",
    "a = []\na.append(a)\na",
    "import os\nwhile True: os.fork()",
    "import os; os.closerange(0, 1024)\nwhile True: pass",
    FORGED.format(length=5, kind=4, payload="b'xxxxx'"),
    FORGED.format(length=2**32 - 1, kind=4, payload="b''"),
    FORGED.format(length=3, kind=9, payload="b'xxx'"),
    FORGED.format(length=4, kind=2, payload="b'abcd'"),
    "import os; os.write(3, os.urandom(5000))",
    "import sys\nsys.modules.clear()\nraise KeyError('x')",
    "class E(Exception):\n  def __str__(self): return str(self)\nraise E",
    "class A:\n  def __del__(self):\n    while True: pass\na = A(); del a",
    "import threading\nfor _ in range(50): threading.Thread(target=lambda: [*iter(int, 1)]).start()",
    "import os\nfor i in range(2000): open(f'f{i}', 'w').close()",
    "import sys; sys.stdout.close(); sys.exit('bye')",
    "import gc\nfor thing in gc.get_objects():\n  try: thing.clear()\n  except BaseException: pass",
]
CLIENTS, CALLS = 8, 200


def test_two_hundred_hostile_calls_cost_nobody_but_themselves():
    with runtime_of(limits=LIMITS) as runtime:
        events = Events(runtime.telemetry)
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
            codes = [SNIPPETS[number % len(SNIPPETS)] for number in range(CALLS)]
            results = list(clients.map(runtime.execute, codes))
        after = runtime.execute("6 * 7")

        assert after.value == 42
        assert set(generations(runtime).values()) == {1}
    assert {type(result) for result in results} <= {Completed, Failed, LimitExceeded, WorkerDied}
    assert len(results) == CALLS
    assert len({result.worker.id for result in results}) == CALLS
    for name in ("supervisor.child_restarted", "supervisor.restarts_exceeded", "actor.abandoned"):
        assert events.named(name) == [], name
    outcomes = {facts["outcome"] for _, facts in events.named("execution.finished")}
    assert outcomes <= {"completed", "failed", "limit_exceeded", "worker_died"}


def test_a_guest_that_forges_frames_in_a_row_never_uses_up_the_restarts():
    code = (
        "import os, struct\nfinal = b'\\x92\\xa6failed\\xa3\\xff\\xfe\\xfd'\n"
        "payload = struct.pack('<IQ', 1, len(final)) + bytes(4) + final\n"
        "os.write(3, struct.pack('<IBQ', len(payload), 4, nonce()) + payload)\nwhile True: pass"
    )
    # The nonce is in the worker's own memory: guest code shares the interpreter and finds it.
    find = (
        "import sys\ndef nonce():\n"
        "  caller = sys._getframe()\n"
        "  while type(caller.f_locals.get('self')).__name__ != 'Worker': caller = caller.f_back\n"
        "  return caller.f_locals['self']._nonce\n"
    )
    with runtime_of(limits=LIMITS) as runtime:
        results = [runtime.execute(find + code) for _ in range(10)]

        assert set(generations(runtime).values()) == {1}
    assert {type(result) for result in results} == {WorkerDied}
    assert all("a message that is none" in result.detail for result in results)

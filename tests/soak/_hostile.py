"""Guest programs that do their worst, each with how it may end."""

from __future__ import annotations

from typing import NamedTuple

from dspex_actors import MIB, Completed, Failed, LimitExceeded, Limits, WorkerDied

HASTY = Limits(
    time_s=0.3, cpu_s=5.0, memory_bytes=64 * MIB, output_bytes=10_000, result_bytes=10_000, tool_calls=20
)
PATIENT = Limits(time_s=60.0, memory_bytes=64 * MIB, output_bytes=10_000)
FORGED = (
    "import os, struct\nos.write(3, struct.pack('<IBQ', {length}, {kind}, 1) + {payload})\nwhile True: pass"
)
DEAD, STOPPED = (WorkerDied, LimitExceeded), (LimitExceeded,)
ANY = (Completed, Failed, LimitExceeded, WorkerDied)
NO_TIME = (LimitExceeded,)  # on a machine that is busy enough, any program may be stopped by the time


class Attack(NamedTuple):
    """A program, and the kinds of result it may have."""

    code: str
    kinds: tuple[type, ...] = ANY


EVERYWHERE = {
    "loop": Attack("while True: pass", STOPPED),
    "exit": Attack("import os; os._exit(3)", DEAD),
    "abort": Attack("import os; os.abort()", DEAD),
    "segfault": Attack("import ctypes; ctypes.string_at(0)", DEAD),
    "stop": Attack("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", STOPPED),
    "kill": Attack("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", DEAD),
    "memory": Attack("blocks = []\nwhile True: blocks.append(bytearray(2**20))", STOPPED),
    "one huge text": Attack("'x' * 2**40", STOPPED),
    "output": Attack("while True: print('x' * 1000)", STOPPED),
    "a cycle": Attack("a = []\na.append(a)\na", (Failed, *NO_TIME)),
    "closed descriptors": Attack("import os; os.closerange(0, 1024)\nwhile True: pass", DEAD),
    "a frame too long": Attack(FORGED.format(length=2**32 - 1, kind=4, payload="b''"), DEAD),
    "a frame of no kind": Attack(FORGED.format(length=3, kind=9, payload="b'xxx'"), DEAD),
    "a frame of no request": Attack(FORGED.format(length=5, kind=4, payload="b'xxxxx'"), DEAD),
    "half a frame": Attack("import os; os.write(3, bytes([255, 0, 0, 0, 4]))\nwhile True: pass", DEAD),
    "noise": Attack("import os; os.write(3, os.urandom(5000))\nwhile True: pass", DEAD),
    "no modules": Attack("import sys\nsys.modules.clear()\nraise KeyError('x')"),
    "a failure without end": Attack("class E(Exception):\n  def __str__(self): return str(self)\nraise E"),
    "a destructor": Attack("class A:\n  def __del__(self):\n    while True: pass\na = A(); del a", STOPPED),
    "files": Attack("import os\nfor i in range(2000): open(f'f{i}', 'w').close()"),
    "a full disk": Attack("while True:\n  with open('f', 'ab') as f: f.write(bytes(2**20))"),
    "a deep tree": Attack("import os\nfor _ in range(200): os.mkdir('d'); os.chdir('d')"),
}
FRESH = EVERYWHERE | {
    "forks": Attack("import os\nwhile True: os.fork()", (Failed, *NO_TIME)),
    "a large result": Attack("'x' * 10**6", STOPPED),
    "threads": Attack(
        "import threading\nfor _ in range(50): threading.Thread(target=lambda: [*iter(int, 1)]).start()"
    ),
    "a thread that talks on": Attack(
        "import threading\ndef show():\n  while True: print('y' * 500)\n"
        "threading.Thread(target=show, daemon=True).start()\n5"
    ),
    "garbage": Attack(
        "import gc\nfor thing in gc.get_objects():\n  try: thing.clear()\n  except BaseException: pass"
    ),
}
STRICT = {
    "loop": EVERYWHERE["loop"],
    "huge": Attack("[0] * 10**10", STOPPED),
    "a forbidden module": Attack("import os", (Failed, *NO_TIME)),
}
SHELL = {
    "loop": EVERYWHERE["loop"],
    "exit": EVERYWHERE["exit"],
    "forks": Attack("import os\nwhile True: os.fork()"),
    "a daemon": Attack(
        "import os\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    while True: pass\n"
        "  os._exit(0)\n5"
    ),
    "a chain": Attack("import os\nwhile True:\n  if os.fork(): os._exit(0)"),
    "many": Attack(
        "import os\nfor _ in range(10):\n  if os.fork() == 0:\n    while True: pass\nos._exit(0)", DEAD
    ),
}

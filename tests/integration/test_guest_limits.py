"""Each limit holds against guests that try to go around it, and honest guests below it are left alone."""

from __future__ import annotations

import textwrap

import pytest

from dspex_actors import MIB, Completed, Failed, LimitExceeded, Limits, WorkerDied
from tests.integration._tools import QUICK, TIMERS, BareZygote

SMALL = Limits(time_s=10, memory_bytes=64 * MIB)


def run(zygote, code, limits=QUICK, **options):
    return zygote.run(textwrap.dedent(code), limits, **options)


MEMORY = {
    "many small blocks": "blocks = []\nwhile True: blocks.append(bytearray(2**20))",
    "one huge text": "'x' * 2**31",
    "one huge list": "[0] * 2**28",
    "a dict that grows": "d = {}\nwhile True: d[len(d)] = 'x' * 1000",
    "a text that doubles": "s = 'x'\nwhile True: s += s",
    "a huge number": "1 << 2**33",
    "numpy": "import numpy as np\nnp.ones(2**27)",
    "numpy in pieces": "import numpy as np\na = []\nwhile True: a.append(np.ones(2**17))",
    "once more in the handler": "try: 'x' * 2**31\nexcept MemoryError: 'x' * 2**31",
}


@pytest.mark.parametrize("code", MEMORY.values(), ids=MEMORY)
def test_a_guest_that_takes_too_much_memory_is_told_so(zygote, code):
    result = run(zygote, code, SMALL)

    assert isinstance(result, LimitExceeded), result
    assert (result.limit, result.allowed) == ("memory", 64 * MIB)


MAPPINGS = {
    "a private mapping": "mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)",
    "a shared mapping": "mmap.mmap(-1, size)",
    "a mapping of a file": "f = open('f', 'w+b'); f.truncate(size); mmap.mmap(f.fileno(), size)",
    "a device": "f = open('/dev/zero', 'r+b'); mmap.mmap(f.fileno(), size)",
}


@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=MAPPINGS)
def test_mappings_count_as_memory_too(zygote, mapping):
    code = f"import mmap\nsize = 200 * 2**20\ndef get():\n    {mapping.replace('; ', chr(10) + '    ')}\n"
    code = code.replace("    mmap.mmap", "    return mmap.mmap")
    code += "m = get()\nfor at in range(0, size, 4096): m[at] = 1\n'got it'"

    result = run(zygote, code, SMALL)

    assert not isinstance(result, Completed)


def test_threads_with_large_stacks_count_as_memory(zygote):
    code = """
    import threading
    threading.stack_size(32 * 2**20)
    gate = threading.Event()
    for _ in range(100):
        threading.Thread(target=gate.wait, daemon=True).start()
    "all started"
    """
    result = run(zygote, code, Limits(time_s=2, memory_bytes=64 * MIB))

    assert not isinstance(result, Completed)


def test_memory_below_the_limit_is_left_to_the_guest(zygote):
    assert run(zygote, "len(bytearray(40 * 2**20))", SMALL).value == 40 * MIB


def test_a_guest_may_catch_a_memory_error_and_go_on(zygote):
    code = """
    try:
        bytearray(2**31)
    except MemoryError:
        seen = "caught"
    seen
    """
    assert run(zygote, code, SMALL).value == "caught"


def test_no_memory_limit_means_none(zygote):
    assert run(zygote, "len(bytearray(300 * 2**20))", Limits(time_s=10, memory_bytes=None)).value == 300 * MIB


def test_a_cpu_limit_ends_a_busy_loop_before_the_time_limit(zygote):
    result = run(zygote, "while True: pass", Limits(time_s=90, cpu_s=0.2))

    assert isinstance(result, LimitExceeded)
    assert (result.limit, result.allowed) == ("cpu", 0.2)


@pytest.mark.parametrize("shield", ["signal.SIG_IGN", "lambda *args: None"], ids=["ignored", "handled"])
def test_a_guest_that_shields_itself_from_the_cpu_signal_is_killed_all_the_same(zygote, shield):
    code = f"import signal\nsignal.signal(signal.SIGXCPU, {shield})\nwhile True: pass"

    result = run(zygote, code, Limits(time_s=90, cpu_s=0.2))

    assert isinstance(result, LimitExceeded)
    assert result.limit == "cpu"


def test_waiting_costs_no_cpu_time(zygote):
    code = "import threading; threading.Event().wait(0.4); 'done'"

    assert run(zygote, code, Limits(time_s=10, cpu_s=0.2)).value == "done"


def test_a_guest_that_kills_itself_below_its_cpu_limit_did_not_exceed_it(zygote):
    result = run(zygote, "import os; os.kill(os.getpid(), 9)", Limits(time_s=10, cpu_s=5))

    assert isinstance(result, WorkerDied)
    assert result.signal == 9


def test_a_file_may_reach_its_limit_and_no_byte_more(zygote):
    code = """
    with open("f", "wb", buffering=0) as file:
        file.write(bytes(4096))
        try:
            file.write(b"x")
            seen = "written"
        except OSError as error:
            seen = error.errno
    seen
    """
    assert run(zygote, code, Limits(time_s=10, file_bytes=4096)).value == 27  # EFBIG
    assert run(zygote, code, Limits(time_s=10, file_bytes=4097)).value == "written"


def test_descriptors_may_reach_their_limit_and_not_one_more(zygote):
    code = """
    import os
    count = 0
    try:
        while True:
            os.open("/dev/null", os.O_RDONLY)
            count += 1
    except OSError as error:
        seen = error.errno
    (count, seen)
    """
    assert run(zygote, code, Limits(time_s=10, open_files=20)).value == (16, 24)  # EMFILE


def test_a_flood_of_output_is_cut_and_counted(zygote):
    code = "import sys\nprint('x' * 10**6)\nprint('e' * 10**6, file=sys.stderr)\n'done'"

    result = run(zygote, code, Limits(time_s=10, output_bytes=1000))

    assert (result.value, len(result.stdout), len(result.stderr)) == ("done", 1000, 1000)
    assert result.usage.output_dropped_bytes == 2 * (10**6 + 1 - 1000)


def test_an_endless_flood_of_output_ends_with_the_time(zygote):
    result = run(zygote, "while True: print('x' * 1000)", Limits(time_s=0.3, output_bytes=5000))

    assert isinstance(result, LimitExceeded)
    assert result.stdout == ("x" * 1000 + "\n") * 4 + "x" * 996


def test_output_may_be_switched_off_altogether(zygote):
    result = run(zygote, "print('x'); 5", Limits(time_s=10, output_bytes=0))

    assert (result.value, result.stdout, result.usage.output_dropped_bytes) == (5, "", 2)


def test_a_dozen_threads_at_the_same_time_fit_into_the_default_limits(zygote):
    code = """
    import threading
    gate = threading.Barrier(13)
    def work():
        x = [bytearray(1000) for _ in range(1000)]
        gate.wait()
    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads: thread.start()
    gate.wait()
    for thread in threads: thread.join()
    "done"
    """
    assert run(zygote, code, Limits(time_s=20)).value == "done"


def test_printing_threads_do_not_tear_each_others_frames(zygote):
    code = """
    import threading
    def show(name):
        for _ in range(2000):
            print(name * 60)
    threads = [threading.Thread(target=show, args=(name,)) for name in "abcdefgh"]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    "done"
    """
    result = run(zygote, code, Limits(time_s=20, output_bytes=None))

    assert isinstance(result, Completed), result.detail
    assert result.stdout.count("h") == 60 * 2000


def test_a_thread_that_prints_on_after_the_end_harms_neither_result_nor_worker(zygote):
    code = """
    import threading
    def show():
        while True:
            print("y" * 5000)
    threading.Thread(target=show, daemon=True).start()
    "the result"
    """
    for _ in range(20):
        result = run(zygote, code, Limits(time_s=10, output_bytes=None))
        assert isinstance(result, Completed), result.detail
        assert result.value == "the result"


def test_a_result_above_its_limit_is_told_with_its_size(zygote):
    result = run(zygote, "'x' * 5000", Limits(time_s=10, result_bytes=4096))

    assert isinstance(result, LimitExceeded)
    assert (result.limit, result.allowed) == ("result", 4096)
    assert result.used >= 5000


def test_a_result_below_its_limit_crosses(zygote):
    assert run(zygote, "'x' * 4000", Limits(time_s=10, result_bytes=4096)).value == "x" * 4000


CANNOT_CROSS = {
    "ten thousand levels": "a = []\nfor _ in range(10000): a = [a]\na",
    "a cycle": "a = []\na.append(a)\na",
    "a dict in itself": "d = {}\nd['x'] = d\nd",
    "a lone surrogate": "'\\ud800'",
    "a function": "lambda: 1",
    "a module": "import os\nos",
    "an object": "object()",
    "a class of its own": "class A(dict): pass\nA()",
    "a generator": "(i for i in range(3))",
    "an object without a text": (
        "class A:\n  def __repr__(self): raise ValueError\n  __str__ = __repr__\nA()"
    ),
    "an object whose attributes raise": "class A:\n  def __getattribute__(self, n): raise KeyError(n)\nA()",
    "an object whose attributes take for ever": (
        "class A:\n  def __getattribute__(self, name):\n    while True: pass\nA()"
    ),
    "a class with a hostile metaclass": (
        "class M(type):\n"
        "  def __getattribute__(cls, name): raise KeyError(name)\n"
        "class A(metaclass=M): pass\nA()"
    ),
    "a number that claims to be one": "class I(int):\n  def __index__(self): return 1 / 0\nI(5)",
    "a text that claims to be one": "class S(str):\n  def encode(self, *a): return 5\nS('x')",
    "a lying list": "class L(list):\n  def __len__(self): return 10**9\nL([1])",
}


@pytest.mark.parametrize("code", CANNOT_CROSS.values(), ids=CANNOT_CROSS)
def test_a_value_that_cannot_cross_fails_in_words_and_in_time(zygote, code):
    result = zygote.run(code, Limits(time_s=5))

    assert isinstance(result, Failed), result
    assert result.error.type == "ValueEncodeError"
    assert "value" in result.error.message
    assert len(result.error.message) < 1000


HOSTILE = {
    "a loop in its destructor": (
        "class A:\n  def __del__(self):\n    while True: pass\na = A(); del a",
        "time",
    ),
    "a loop in its failure's text": (
        "class E(Exception):\n  def __str__(self):\n    while True: pass\nraise E",
        "time",
    ),
    "stopping itself": ("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", "time"),
    "blocking all signals": (
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass",
        "time",
    ),
    "a lock that is never free": (
        "import threading\nlock = threading.Lock()\nlock.acquire(); lock.acquire()",
        "time",
    ),
    "swallowing every exception": (
        "while True:\n  try:\n    while True: pass\n  except BaseException: pass",
        "time",
    ),
    "a slow regular expression": ("import re\nre.match('(a+)+$', 'a' * 40 + 'b')", "time"),
    "a huge power": ("9 ** 9 ** 9", ("time", "memory")),
    "a stop before a signal of its own": (
        "import signal\nsignal.raise_signal(signal.SIGSTOP)\nwhile True: pass",
        "time",
    ),
}


@pytest.mark.parametrize(("code", "limit"), HOSTILE.values(), ids=HOSTILE)
def test_a_guest_that_never_ends_is_ended_by_its_limits(zygote, code, limit):
    result = zygote.run(code, Limits(time_s=0.3, memory_bytes=64 * MIB))

    assert isinstance(result, LimitExceeded), result
    assert result.limit in limit


CRASHES = {
    "abort": "import os; os.abort()",
    "a null pointer": "import ctypes; ctypes.string_at(0)",
    "no stack left": (  # a small one: Python 3.12 counts calls in C, and stops before a larger one is full
        "import sys\nsys.setrecursionlimit(10**9)\n"
        "class A:\n  def __getattr__(self, name): return getattr(self, name + 'x')\n"
        "import threading\nthreading.stack_size(2**16)\n"
        "t = threading.Thread(target=lambda: A().x); t.start(); t.join()"
    ),
    "bad bytecode": "exec((lambda: 0).__code__.replace(co_code=b'd\\x64' * 20, co_consts=()))",
    "closing every descriptor": "import os; os.closerange(0, 1024); 5",
    "closing its socket and going on": "import os; os.close(3)\nwhile True: pass",
    "garbage on its socket": "import os; os.write(3, b'garbage' * 1000)\nwhile True: pass",
    "leaving at once": "import os; os._exit(7)",
}


@pytest.mark.parametrize("code", CRASHES.values(), ids=CRASHES)
def test_a_guest_that_wrecks_its_worker_is_a_dead_worker_and_nothing_more(zygote, code):
    result = zygote.run(code, Limits(time_s=3))

    assert isinstance(result, WorkerDied | LimitExceeded | Failed), result
    assert zygote.run("1 + 1").value == 2


VANDALS = {
    "emptying sys.modules": "import sys\nsys.modules.clear()\n3",
    "emptying builtins": "import builtins\nd = vars(builtins)\nfor k in [*d]: del d[k]\n3",
    "replacing print": "import builtins\nbuiltins.print = None\n3",
    "replacing the standard output": "import sys\nsys.stdout = sys.stderr = None\n3",
    "closing the standard output": "import sys\nsys.stdout.close(); sys.stderr.close()\n3",
    "detaching the standard output": "import sys\nsys.stdout.detach()\n3",
    "a trace function that raises": "import sys\nsys.settrace(lambda *a: 1 / 0)\n3",
    "a profile function that loops": "import sys\nsys.setprofile(lambda *a: None)\n3",
    "an audit hook": "import sys\nsys.addaudithook(lambda *a: None)\n3",
    "collecting garbage for ever": "import gc\ngc.callbacks.append(lambda *a: None)\n3",
    "an exit function": "import atexit, os\natexit.register(os._exit, 5)\n3",
    "a low recursion limit": "import sys\nsys.setrecursionlimit(40)\n3",
    "a switch interval of ages": "import sys\nsys.setswitchinterval(100)\n3",
}


@pytest.mark.parametrize("code", VANDALS.values(), ids=VANDALS)
def test_vandalism_costs_at_most_the_vandals_own_result(zygote, code):
    result = zygote.run(code, Limits(time_s=3))

    assert isinstance(result, Completed | Failed | WorkerDied), result
    assert zygote.run("print('x'); 1 + 1").value == 2


SCRATCH = {
    "files": "for i in range(500): open(f'f{i}', 'w').close()",
    "a deep tree": "import os\nfor _ in range(600): os.mkdir('d' * 50); os.chdir('d' * 50)",
    "links that point out": "import os\nos.symlink('/etc', 'a'); os.symlink('..', 'b'); os.symlink('.', 'c')",
    "names that are hard to say": "for name in ('-rf', 'a\\nb', '\\udcff', ' '): open(name, 'w').close()",
    "a hidden folder": "import os\nos.makedirs('.a/.b/.c')",
    "a file that is still open": "import builtins\nbuiltins.kept = open('f', 'w')",
    "a file of its limit": "open('f', 'wb').write(bytes(10 * 2**20))",
}


@pytest.mark.parametrize("code", SCRATCH.values(), ids=SCRATCH)
def test_what_a_guest_leaves_in_its_folder_the_next_one_does_not_find(code):
    with BareZygote() as zygote:
        first = zygote.run(code)
        seen = [zygote.run("import os\nsorted(os.listdir('.'))").value for _ in range(5)]

    assert isinstance(first, Completed), first
    assert seen == [[]] * 5


def test_two_guests_at_the_same_time_have_folders_of_their_own(zygote):
    with zygote.worker() as one, zygote.worker() as other:
        one.execute("open('mine', 'w').write('x')", None, QUICK, TIMERS, keep=True)
        seen = other.execute("import os\nos.listdir('.')", None, QUICK, TIMERS)

    assert seen.value == []

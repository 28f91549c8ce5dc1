"""What guests of a session's worker do to its copies: fork, start threads, draw random numbers, branch."""

from __future__ import annotations

import threading

import pytest

from dspex_actors import Failed
from dspex_actors.workers import NoCopiesError
from tests.integration._sessions import Bare, bare_session, members, wait_members
from tests.integration._tools import CEILING_S

pytestmark = pytest.mark.may_leak(
    "the zygote of the module forks and reaps; the module is checked as a whole"
)


@pytest.fixture
def session(zygote):
    with bare_session(zygote) as session:
        yield session


class TestGuestsThatFork:
    """Nobody forks but at the host's word."""

    CHAIN = """
import os
made, refused = 0, []
for _ in range(30):
    try:
        pid = os.fork()
    except OSError as error:
        refused.append(error.errno)
        continue
    if pid == 0:
        import time; time.sleep(60); os._exit(0)
    made += 1
(made, sorted(set(refused)))
"""

    def test_a_guest_cannot_fork_in_a_call(self, session):
        session.freeze()
        before = wait_members(session.namespace, 4)

        assert session.value(self.CHAIN) == (0, [1])
        assert len(members(session.namespace)) == len(before)

    @pytest.mark.parametrize("way", ["vfork", "clone", "exec", "subprocess", "multiprocessing"])
    def test_no_way_of_starting_a_process_works(self, session, way):
        ways = {
            "vfork": "libc.syscall(58)",
            "clone": "libc.syscall(56, 0x4000 | 0x100, 0, 0, 0, 0)",
            "exec": "__import__('os').execv('/bin/true', ['true'])",
            "subprocess": "__import__('subprocess').run(['true'])",
            "multiprocessing": "__import__('multiprocessing').Process(target=print).start()",
        }
        code = f"import ctypes\nlibc = ctypes.CDLL(None)\nr = {ways[way]}\nr"
        result = session.run(code)

        assert isinstance(result, Failed) or result.value == -1, result
        assert len(members(session.namespace)) == 3

    def test_threads_are_free_to_start(self, session):
        code = "import threading\nts = [threading.Thread(target=len, args=('',)) for _ in range(4)]\n"

        assert session.value(f"{code}for t in ts: t.start()\nfor t in ts: t.join()\n5") == 5

    def test_a_guest_that_asks_the_keeper_by_itself_gets_nothing(self, session):
        code = """
import os, socket, struct, array
keeper = socket.socket(fileno=os.dup(4))
ours, theirs = socket.socketpair()
rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [theirs.fileno()]))]
for what in range(0, 7):
    for line in (0, 1, 2):
        report = struct.pack("<BIII", what, line, 1, 0)
        keeper.send(report)
        keeper.sendmsg([report], rights)
        keeper.send(b"x" * 100)
try:
    os.fork()
    r = "forked"
except OSError as error:
    r = error.errno
r
"""
        session.run("x = 42")
        session.freeze()

        assert session.value(code) == 1
        assert session.restore(1)
        assert session.value("x") == 42

    def test_a_forged_result_earns_one_process_at_most_and_it_ends_with_the_session(self, session):
        session.run("x = 42")
        session.freeze()
        # The guest reads the request's number off its own stack, answers in place of the loop, and forks
        # when the host lets it make a copy.
        code = """
import os, sys, time
frame = sys._getframe()
while "self" not in frame.f_locals or not hasattr(frame.f_locals["self"], "_send"):
    frame = frame.f_back
loop = frame.f_locals["self"]
from dspex_actors.workers import _framing, _protocol
from dspex_actors import values
import msgspec
encoded = values.encode("forged")
parts = [msgspec.msgpack.encode(_protocol.Final("completed")), encoded.structure, *encoded.buffers]
loop._send(_protocol.FrameType.FINAL, _framing.pack_parts(parts))
made = 0
deadline = time.monotonic() + 1.0
while time.monotonic() < deadline:
    try:
        pid = os.fork()
    except OSError:
        continue
    if pid == 0:
        time.sleep(60)
    made += 1
while True: pass
"""
        result = session.run(code)
        assert result.value == "forged"
        waiting = threading.Thread(target=session.refusal)
        waiting.start()
        found = wait_members(session.namespace, 5)
        waiting.join(CEILING_S)
        after = wait_members(session.namespace, 3)

        assert len(found) == 5
        assert not waiting.is_alive()
        assert len(after) == 3  # the one that did not say what it was is dead, and the stuck worker too
        assert session.worker.restore(1, [])
        assert session.value("x") == 42

    def test_a_guest_can_signal_nobody_but_itself(self, session):
        session.freeze()
        code = """
import os
reached = []
for pid in [-1, 0, *range(1, 40)]:
    if pid == os.getpid():
        continue
    try:
        os.kill(pid, 0)
        reached.append(pid)
    except OSError as error:
        pass
reached
"""
        assert session.value(code) == []
        session.restore(1)

        assert session.value(code) == []
        assert session.value("import os; os.kill(os.getpid(), 0)") is None


class TestThreads:
    BUSY = """
import threading
gate = threading.Event()
t = threading.Thread(target=gate.wait, daemon=True)
t.start()
"""

    def test_a_worker_with_threads_is_not_copied_until_they_have_ended(self, session):
        session.run(self.BUSY)
        refused = session.refusal()
        session.run("gate.set(); t.join()")

        assert "2 threads are alive" in refused
        assert session.freeze() == 2

    def test_threads_that_python_does_not_know_count_too(self, session):
        code = """
import ctypes
libc = ctypes.CDLL(None)
thread = ctypes.c_ulong()
libc.pthread_create(ctypes.byref(thread), None, libc.pause, None)
import threading
threading.active_count()
"""
        assert session.value(code) == 1
        assert "2 threads are alive" in session.refusal()


class TestGenerators:
    DRAW = "import random, uuid\n(random.random(), str(uuid.uuid4()))"

    def test_a_copy_draws_other_numbers_than_the_worker_it_was_made_of(self, zygote):
        with bare_session(zygote) as session:
            session.run("import random; random.seed(5)")
            session.freeze()
            session.freeze()
            first = session.value(self.DRAW)
            session.restore(1)
            second = session.value(self.DRAW)
            session.restore(2)
            third = session.value(self.DRAW)

        assert len({first[0], second[0], third[0]}) == len({first[1], second[1], third[1]}) == 3

    def test_with_reseed_off_a_copy_draws_the_same(self, zygote):
        with bare_session(zygote, reseed=False) as session:
            session.run("import random; random.seed(5)")
            session.freeze()
            first = session.value("random.random()")
            session.restore(1)

            assert session.value("random.random()") == first

    @pytest.mark.parametrize("reseed", [True, False])
    def test_numpy_s_shared_generator_does_likewise(self, zygote, reseed):
        with bare_session(zygote, reseed=reseed) as session:
            session.run("import numpy; numpy.random.seed(5)")
            session.freeze()
            first = session.value("float(numpy.random.rand())")
            session.restore(1)

            assert (session.value("float(numpy.random.rand())") == first) is not reseed


class TestBranches:
    def test_a_branch_has_the_state_and_goes_its_own_way(self, session):
        session.run("x = [1]")
        branch = Bare(session.worker.branch(100))
        try:
            branch.run("x.append(2)")
            session.run("x.append(3)")

            assert (branch.value("x"), session.value("x")) == ([1, 2], [1, 3])
        finally:
            assert branch.worker.close()
        assert session.value("x") == [1, 3]

    def test_a_branch_has_copies_of_its_own(self, session):
        session.run("x = 1")
        session.freeze()
        branch = Bare(session.worker.branch(100))
        try:
            branch.run("x = 2")
            assert branch.freeze() == 1
            result = branch.run("x = -1\nimport os; os._exit(5)")
            assert branch.restore(1)

            assert result.exit_code == 5
            assert branch.value("x") == 2
            assert session.restore(1)
            assert session.value("x") == 1
        finally:
            assert branch.worker.close()

    def test_a_branch_outlives_the_session_that_it_branched_off(self, zygote):
        with bare_session(zygote) as session:
            session.run("x = 7")
            branch = Bare(session.worker.branch(100))
            assert session.worker.close()
            value = branch.value("x")
            branch.freeze()
            branch.run("import os; os._exit(0)")
            restored = branch.restore(1)
            again = branch.value("x")
            assert branch.worker.close()

        assert (value, restored, again) == (7, True, 7)

    def test_a_worker_with_threads_has_no_branches(self, session):
        session.run(TestThreads.BUSY)
        with pytest.raises(NoCopiesError, match="2 threads are alive"):
            session.worker.branch(100)

        assert session.value("5") == 5
        assert len(members(session.namespace)) == 3

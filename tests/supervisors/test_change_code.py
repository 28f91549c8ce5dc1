"""A running actor becomes one of another class: only while it is suspended, all or nothing."""

# ruff: noqa: ARG002 -- the signature of a hook is given, whatever the test uses of it

from __future__ import annotations

import threading

import pytest

from supervisors import (
    CallCycleError,
    DynamicSupervisor,
    GenServer,
    NotReplaceableError,
    NotSuspendedError,
    OsProcess,
    Supervisor,
    change_code,
    get_state,
    get_status,
    resume,
    suspend,
)
from supervisors.testing import CEILING_S, Journal, Misbehaving, wait_restarted


class Seconds(GenServer):
    """The first version: a number of seconds."""

    def init(self, limit):
        self.limit = limit

    def handle_call(self, message, sender):
        return "seconds", self.limit


class Milliseconds(GenServer):
    """The second one keeps milliseconds, and a unit."""

    def code_change(self, old_version, extra):
        match old_version:
            case 1:
                self.limit_ms = self.limit * 1000
                self.unit = extra
                del self.limit
            case "half done":
                self.limit = None
                self.extra = extra
                raise ValueError("cannot go on")

    def handle_call(self, message, sender):
        return self.unit, self.limit_ms


class Slotted(GenServer):
    """Its objects are laid out in another way."""

    __slots__ = ("limit",)


@pytest.fixture
def server():
    with Seconds.start(3, name="server") as address:
        yield address


def test_the_new_class_handles_messages_after_its_code_change_has_brought_the_state_up_to_date(server):
    suspend(server)
    waiting = server.call_async("how long?")

    change_code(server, Milliseconds, 1, "ms")

    assert get_state(server) == {"limit_ms": 3000, "unit": "ms"}
    assert get_status(server).actor_class.endswith(".Milliseconds")
    resume(server)
    assert waiting.get(timeout=CEILING_S) == ("ms", 3000)


def test_code_change_runs_in_the_thread_of_the_actor_and_terminate_is_that_of_the_new_class():
    threads = Journal()

    class Next(GenServer):
        def code_change(self, old_version, extra):
            threads.add(("code_change", threading.current_thread()))

        def terminate(self, reason):
            threads.add(("terminate", threading.current_thread()))

    class First(GenServer):
        def handle_call(self, message, sender):
            return threading.current_thread()

    with First.start() as server:
        own = server.call("which thread?")
        suspend(server)
        change_code(server, Next)

    assert threads.entries() == [("code_change", own), ("terminate", own)]


def test_a_running_actor_is_refused_before_anything_changes(server):
    with pytest.raises(NotSuspendedError) as caught:
        change_code(server, Milliseconds, 1, "ms")

    assert (caught.value.target, caught.value.operation) == ("server", "change_code()")
    assert server.call("how long?") == ("seconds", 3)


def test_a_code_change_that_raises_puts_class_and_attributes_back(server):
    suspend(server)

    with pytest.raises(ValueError, match="cannot go on"):
        change_code(server, Milliseconds, "half done", "x")

    assert get_state(server) == {"limit": 3}
    assert get_status(server).actor_class.endswith(".Seconds")
    resume(server)
    assert server.call("how long?") == ("seconds", 3)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_a_code_change_that_tries_to_end_the_program_ends_nothing(server, error):
    class Exiting(GenServer):
        def code_change(self, old_version, extra):
            raise error

    suspend(server)

    with pytest.raises(error):
        change_code(server, Exiting)

    resume(server)
    assert server.call("how long?") == ("seconds", 3)


@pytest.mark.parametrize("new_class", ["Milliseconds", object, Supervisor, OsProcess])
def test_a_server_can_only_become_a_server_of_the_same_kind(server, new_class):
    suspend(server)

    with pytest.raises(NotReplaceableError, match="it must be a GenServer"):
        change_code(server, new_class)

    resume(server)
    assert server.call("how long?") == ("seconds", 3)


def test_a_supervisor_can_only_become_a_supervisor_of_the_same_kind():
    with Supervisor.start([], name="tree") as tree:
        suspend(tree)
        for other in (GenServer, DynamicSupervisor):
            with pytest.raises(NotReplaceableError, match=r"tree stays as it is.*it must be a Supervisor"):
                change_code(tree, other)


def test_a_class_whose_objects_are_laid_out_in_another_way_is_refused(server):
    suspend(server)

    with pytest.raises(NotReplaceableError, match="layout differs"):
        change_code(server, Slotted)

    assert get_state(server) == {"limit": 3}


def test_an_actor_that_changes_its_own_code_is_refused():
    with Misbehaving.start() as server:

        def change_itself(actor, _):
            with pytest.raises(CallCycleError):
                change_code(actor.pid, Seconds)
            return "refused"

        assert server.call(("do", change_itself)) == "refused"


def test_a_restart_starts_the_class_of_the_spec_again(caplog):
    caplog.set_level("CRITICAL")
    with Supervisor.start([Seconds.child_spec(3, id="a")]) as tree:
        address = tree.child("a")
        old = address.pid
        suspend(address)
        change_code(address, Milliseconds, 1, "ms")
        assert tree.snapshot().children[0].actor_class.endswith(".Milliseconds")

        old.kill()
        wait_restarted(address, old)

        assert address.call("how long?") == ("seconds", 3)

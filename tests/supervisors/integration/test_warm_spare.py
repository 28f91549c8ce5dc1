"""WarmSpare with real processes: what is handed over, what is replaced, and what is left at the end."""

# ruff: noqa: ARG002 -- the signature of a hook is given, whatever the test uses of it

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import threading

import pytest

from supervisors import (
    KILLED,
    ActorExitedError,
    Command,
    Launch,
    OsProcess,
    OsProcessExitedError,
    ProcessExited,
    StartError,
    Supervisor,
    WarmSpare,
    _system,
)
from supervisors._future import running
from supervisors._launch import Owner
from supervisors.testing import CEILING_S, Journal, Misbehaving, wait_exit, wait_restarted

ECHO = """
import os, socket, sys
channel = socket.socket(fileno=int(sys.argv[1]))
{setup}
channel.sendall(b"ready")
while message := channel.recv(100):
    channel.sendall(message)
"""


@pytest.fixture(autouse=True)
def quiet(caplog):
    """Keep the logged crashes out of a report."""
    caplog.set_level("CRITICAL")


class EchoLaunch(Launch):
    """A process that sends back what it gets; notes who starts it, and its close."""

    def __init__(self, journal, setup=""):
        self.journal, self.setup = journal, setup

    def command(self):
        self.journal.add(("started by", running.pid.name.rpartition("/")[2]))
        self.channel, self.theirs = socket.socketpair()
        self.channel.settimeout(CEILING_S)
        number = self.theirs.fileno()
        argv = [sys.executable, "-I", "-S", "-c", ECHO.format(setup=self.setup), str(number)]
        return Command(argv=argv, pass_fds=[number])

    def on_spawned(self):
        self.theirs.close()
        if self.channel.recv(5) != b"ready":
            raise EOFError

    def close(self):
        self.theirs.close()
        self.channel.close()
        self.journal.add("closed")


class Echo(OsProcess):
    def handle_call(self, message, sender):
        if message == "process":
            return self.process.pid
        self.launch.channel.sendall(message)
        return self.launch.channel.recv(100)


class Tree:
    """A supervisor of a spare and an echo server, and what has happened to their processes."""

    def __init__(self, **options):
        self.journal = Journal()
        self.spare = WarmSpare(lambda: EchoLaunch(self.journal))
        children = [self.spare.child_spec(), Echo.child_spec(id="echo", spare=self.spare)]
        self.address = Supervisor.start(children, intensity=100, **options)
        self.echo = self.address.child("echo")

    @property
    def keeper(self):
        return self.spare.address.pid

    def processes(self):
        return self.echo.call("process"), self.spare.process_id()

    def processes_other_than(self, killed):
        """Return the active and the waiting process, once neither is one that was killed."""
        active = live(self.echo, lambda: self.echo.call("process"), killed)
        return active, live(self.address.child("spare"), self.spare.process_id, killed)

    def starters(self):
        return [entry[1] for entry in self.journal.entries() if entry != "closed"]


def live(address, ask, killed):
    """Return the process `ask` tells of, after as many restarts of the actor as it takes."""
    while True:
        assert address.wait_available(CEILING_S)
        pid = address.pid
        try:
            process = ask()
        except (ActorExitedError, OsProcessExitedError):
            continue
        if process not in killed:
            return process
        if pid is not None:
            wait_exit(pid)


@pytest.fixture
def tree():
    tree = Tree()
    with tree.address:
        yield tree


def kill(process):
    os.kill(process, signal.SIGKILL)


def has_ended(pidfd):
    """Wait until the process has ended."""
    try:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        return bool(poll.poll(CEILING_S * 1000))
    finally:
        os.close(pidfd)


def test_the_first_generation_takes_the_spares_process_and_the_next_one_is_started(tree):
    active, waiting = tree.processes()

    assert active != waiting
    assert tree.starters() == ["spare", "spare"]
    assert tree.echo.call(b"hello") == b"hello"


def test_a_killed_process_is_replaced_by_the_one_that_waited(tree):
    active, waiting = tree.processes()
    old = tree.echo.pid
    kill(active)
    wait_restarted(tree.echo, old)

    assert tree.echo.call("process") == waiting
    assert tree.echo.call(b"hello") == b"hello"
    assert tree.spare.process_id() not in {active, waiting}
    assert tree.starters() == ["spare"] * 3
    assert tree.keeper.generation == 1


def test_generation_after_generation_gets_its_process_from_the_same_spare(tree):
    seen = list(tree.processes())
    for _ in range(4):
        old = tree.echo.pid
        kill(seen[-2])
        wait_restarted(tree.echo, old)
        assert tree.echo.call("process") == seen[-1]
        seen.append(tree.spare.process_id())

    assert len(set(seen)) == 6
    assert tree.starters() == ["spare"] * 6
    assert len(tree.keeper._releases) == 2  # of its name and of its processes: none for each process


def test_a_waiting_process_that_is_killed_is_replaced_and_the_active_one_goes_on(tree):
    active, waiting = tree.processes()
    old, actor = tree.keeper, tree.echo.pid
    kill(waiting)

    assert wait_exit(old).error_type.endswith(OsProcessExitedError.__name__)
    assert wait_restarted(tree.address.child("spare"), old).generation == 2
    assert tree.spare.process_id() not in {active, waiting}
    assert (tree.echo.pid, tree.echo.call("process")) == (actor, active)


def test_a_spare_that_is_killed_takes_its_waiting_process_along_and_no_other(tree):
    active, waiting = tree.processes()
    waiting_end, old = os.pidfd_open(waiting), tree.keeper
    old.kill()

    assert has_ended(waiting_end)
    assert old.exit_reason == KILLED
    wait_restarted(tree.address.child("spare"), old)
    assert tree.echo.call("process") == active
    assert tree.echo.call(b"hello") == b"hello"


def test_an_actor_that_is_killed_takes_the_process_along_that_was_handed_to_it(tree):
    active, waiting = tree.processes()
    active_end, old = os.pidfd_open(active), tree.echo.pid
    old.kill()

    assert has_ended(active_end)
    wait_restarted(tree.echo, old)
    assert tree.echo.call("process") == waiting


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_no_process_and_no_channel_outlives_the_tree(end):
    tree = Tree()
    ends = [os.pidfd_open(process) for process in tree.processes()]
    if end == "kill":
        tree.address.root.kill()
    tree.address.stop()

    assert [has_ended(pidfd) for pidfd in ends] == [True, True]
    assert tree.journal.entries().count("closed") == 2
    assert not tree.spare.alive


def test_without_a_running_spare_an_actor_starts_its_process_itself():
    journal = Journal()
    spare = WarmSpare(lambda: EchoLaunch(journal))
    with Echo.start(spare=spare, name="echo") as echo:
        assert echo.call(b"hello") == b"hello"
        with pytest.raises(ActorExitedError):
            spare.process_id()

    assert journal.entries() == [("started by", "echo"), "closed"]


def test_a_process_that_cannot_become_ready_fails_the_start_with_its_last_words():
    journal = Journal()
    spare = WarmSpare(lambda: EchoLaunch(journal, setup="sys.exit('no licence')"))
    children = [spare.child_spec(restart="temporary"), Echo.child_spec(id="echo", spare=spare)]

    with pytest.raises(StartError, match="no licence") as failed:
        Supervisor.start(children)

    assert failed.value.child_id == "echo"
    assert journal.entries() == [("started by", "spare"), "closed", ("started by", "echo"), "closed"]


def test_a_command_that_cannot_be_run_closes_what_was_opened_for_it():
    journal = Journal()

    class Missing(EchoLaunch):
        def command(self):
            super().command()
            return Command(argv=["/no/such/program"])

    with pytest.raises(StartError, match="FileNotFoundError"):
        Echo.start(spare=WarmSpare(lambda: Missing(journal)))
    assert journal.entries().count("closed") == 1


def test_the_exit_of_an_older_generation_is_ignored(tree):
    active, waiting = tree.processes()
    generation = tree.echo.pid.generation
    tree.echo.pid.mailbox.post_system(ProcessExited(active, generation - 1, -9))
    tree.echo.pid.mailbox.post_system(ProcessExited(waiting, generation, -9))
    tree.keeper.mailbox.post_system(ProcessExited(active, 1, -9))

    assert tree.processes() == (active, waiting)
    assert (tree.echo.pid.generation, tree.keeper.generation) == (generation, 1)


def test_a_spare_with_several_users_gives_each_a_process_of_its_own():
    journal = Journal()
    spare = WarmSpare(lambda: EchoLaunch(journal))
    children = [spare.child_spec(), *(Echo.child_spec(id=number, spare=spare) for number in range(3))]
    with Supervisor.start(children) as tree:
        processes = {tree.child(number).call("process") for number in range(3)}

        assert len(processes | {spare.process_id()}) == 4


def test_killing_active_and_waiting_processes_at_once_leaves_none_behind(tree):
    killed, ends = set(), []
    for _ in range(8):
        processes = tree.processes_other_than(killed)
        ends += [os.pidfd_open(process) for process in processes]
        for process in processes:
            kill(process)
        killed.update(processes)
    assert len(killed | set(tree.processes_other_than(killed))) == 18
    tree.address.stop()

    assert [has_ended(pidfd) for pidfd in ends] == [True] * 16
    assert tree.journal.entries().count("closed") == len(tree.starters())


def test_a_process_handed_to_an_actor_that_has_ended_is_killed_at_once():
    launch, ended = EchoLaunch(Journal()), Misbehaving.start().root
    ended.kill()
    with Misbehaving.start() as actor:
        owner = Owner(actor.pid)
        actor.call(("do", lambda _server, _sender: launch.start(owner, actor.system)))

        assert owner.give(launch, Owner(ended))
        assert launch.process.wait(CEILING_S) == -signal.SIGKILL
        assert not owner.give(launch, Owner(actor.pid))
    assert launch.journal.entries().count("closed") == 1


def test_a_process_that_has_ended_is_not_handed_over():
    launch = EchoLaunch(Journal())
    with Misbehaving.start() as actor, Misbehaving.start() as other:
        owner = Owner(actor.pid)
        actor.call(("do", lambda _server, _sender: launch.start(owner, actor.system)))
        kill(launch.process.pid)
        launch.process.wait(CEILING_S)

        assert not owner.give(launch, Owner(other.pid))
    assert launch.journal.entries().count("closed") == 1


def test_a_host_without_pidfds_hands_processes_over_too(monkeypatch):
    monkeypatch.setattr(_system, "has_pidfds", lambda: False)
    tree = Tree()
    with tree.address:
        active, waiting = tree.processes()
        old = tree.echo.pid
        kill(active)
        wait_restarted(tree.echo, old)

        assert tree.echo.call("process") == waiting
        tree.spare.process_id()


def test_the_replacement_waits_for_a_spare_that_is_about_to_be_ready():
    journal, gate = Journal(), threading.Event()

    class Slow(EchoLaunch):
        def on_spawned(self):
            super().on_spawned()
            journal.add("nearly")
            gate.wait(CEILING_S)

    spare = WarmSpare(lambda: Slow(journal))
    with spare.start(), Supervisor.start() as tree:
        journal.wait_for("nearly")
        starting = tree.start_child_async(Echo.child_spec(id="echo", spare=spare))
        gate.set()

        assert starting.get(timeout=CEILING_S).call(b"hello") == b"hello"
        spare.process_id()
    assert [entry[1] for entry in journal.entries() if isinstance(entry, tuple)] == ["spare", "spare"]


def test_an_actor_that_is_killed_while_it_waits_for_the_spare_leaves_no_process_behind():
    journal, gate, waiting = Journal(), threading.Event(), []

    class Slow(EchoLaunch):
        def on_spawned(self):
            super().on_spawned()
            gate.wait(CEILING_S)

    class Impatient(Echo):
        def init(self, spare):
            waiting.append(self.pid)
            journal.add("waiting")
            return super().init(spare=spare)

    spare = WarmSpare(lambda: Slow(journal))
    with spare.start(), Supervisor.start() as tree:
        starting = tree.start_child_async(Impatient.child_spec(spare))
        journal.wait_for("waiting")
        waiting[0].kill()
        gate.set()
        with pytest.raises(StartError):
            starting.get(timeout=CEILING_S)
        waiting[0].thread.join()
        spare.process_id()

    starts = [entry for entry in journal.entries() if isinstance(entry, tuple)]
    assert journal.entries().count("closed") == len(starts)

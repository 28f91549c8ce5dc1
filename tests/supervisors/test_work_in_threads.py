"""Work that an actor hands to a thread of its tree, and the record of a thread that is left behind."""

from __future__ import annotations

import contextvars
import threading

from supervisors import GenServer, Supervisor, System
from supervisors._future import running
from supervisors.testing import CEILING_S, Events, Journal, wait_exit

COLOUR = contextvars.ContextVar("COLOUR", default="none")


class Server(GenServer):
    def handle_call(self, message, sender):  # noqa: ARG002 -- the interface
        return threading.get_ident()


def test_work_runs_in_a_named_thread_that_is_no_actors_also_after_an_actor_had_it():
    system = System()
    with Server.start(system=system) as server:
        idents = {server.call("which thread")}
    wait_exit(server)
    COLOUR.set("red")
    seen = Journal()
    done = [
        system.run_in_thread(
            f"work {n}",
            lambda: seen.add(
                (threading.get_ident(), running.pid, COLOUR.get(), threading.current_thread().name)
            ),
        )
        for n in range(2)
    ]
    for thread in done:
        thread.join(CEILING_S)
    system.close()
    system.threads.join()

    found = seen.entries()
    assert idents & {ident for ident, *_ in found}
    assert [(pid, colour) for _, pid, colour, _ in found] == [(None, "none")] * 2
    assert {name for *_, name in found} == {"work 0", "work 1"}


def test_a_thread_left_behind_is_abandoned_until_it_says_that_it_is_through():
    release, entered = threading.Event(), threading.Event()

    def work():
        entered.set()
        release.wait(CEILING_S)

    with Supervisor.start([]) as tree:
        events = Events(tree.system)
        thread = tree.system.run_in_thread("worker", work)
        entered.wait(CEILING_S)
        forget = tree.system.abandoned.add("a lookup", thread)
        (record,) = tree.system.abandoned.records()
        told = [facts["record"] for facts in events.of("actor.abandoned")]
        result = tree.stop()
        release.set()
        thread.join(CEILING_S)
        forget()
        forget()

    assert (record.id, record.thread) == ("a lookup", "worker")
    assert record.where.rpartition(":")[0] == __file__
    assert told == [record]
    assert result.abandoned == (record,)
    assert not result.clean
    assert tree.system.abandoned.records() == ()


def test_a_plain_thread_can_be_left_behind_as_well():
    release = threading.Event()
    thread = threading.Thread(target=release.wait, args=(CEILING_S,), name="plain")
    thread.start()
    with Supervisor.start([]) as tree:
        forget = tree.system.abandoned.add("a loop", thread)
        names = [record.thread for record in tree.system.abandoned.records()]
        release.set()
        thread.join(CEILING_S)
        forget()

        assert names == ["plain"]
        assert len(tree.system.abandoned) == 0

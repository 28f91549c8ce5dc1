"""What the rows about supervisors do with children: start, crash, end, block, watch and count them."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import partial

from supervisors import Crash, MonitorRef
from supervisors._future import CallFuture
from supervisors._signals import SystemCall
from supervisors.testing import CEILING_S, Events, Journal, Misbehaving, wait_restarted

BOOM = Crash("ValueError", "boom")


def child(journal, name, **options):
    """Return the spec of a child that notes in the journal, its name also its id."""
    return Misbehaving.child_spec(journal, name, id=name, **options)


def children(journal, names, **options):
    """Return the specs of several children that differ in their names."""
    return [child(journal, name, **options) for name in names]


def crash(address):
    """Crash a child and return its next incarnation."""
    old = address.pid
    address.cast(("raise", ValueError("boom")))
    return wait_restarted(address, old)


def end(supervisor, address, reason):
    """Let a child end with a reason; return when its supervisor has begun to deal with that.

    A request sent after it is answered when a child that is not to be restarted has been dealt with.
    """
    events = Events(supervisor.system, "supervisor.child_exited")
    address.cast(("stop", reason))
    events.names.wait_for("supervisor.child_exited")
    events.detach()


def counts(supervisor):
    """Return specs, active, supervisors and workers."""
    found = supervisor.count_children()
    return [found.specs, found.active, found.supervisors, found.workers]


def watch(**addresses):
    """Monitor actors; return a journal that gets (name, reason) as each ends.

    These monitors are told first: what a supervisor does about an end is noted after it.
    """
    downs = Journal()
    for name, address in addresses.items():
        pid, ref = address.pid, MonitorRef(address.pid)
        with pid._lock:
            note = partial(_note_end, downs, name)
            pid._monitors = {ref: note, **pid._monitors}
    return downs


def _note_end(downs, name, down):
    downs.add((name, down.reason))


class Gate:
    """A place in a hook or handler where an actor waits until the test opens it."""

    def __init__(self):
        self.entered, self.opened = threading.Event(), threading.Event()

    def wait(self):
        """Wait here; called by the actor."""
        self.entered.set()
        self.opened.wait(CEILING_S)

    def wait_entered(self):
        """Return when an actor waits here."""
        assert self.entered.wait(CEILING_S)

    def open(self):
        """Let it go on, and whoever comes later."""
        self.opened.set()

    def hold(self, address):
        """Let an actor wait here in a handler; return its Pid when it does."""
        pid = address.pid
        address.cast(("block", self.entered, self.opened))
        self.wait_entered()
        return pid


@contextmanager
def busy(supervisor):
    """Keep a supervisor's own thread from what it is sent meanwhile; afterwards it takes signals first."""
    gate = Gate()
    supervisor.pid.mailbox.post_system(SystemCall(lambda _: gate.wait(), CallFuture()))
    gate.wait_entered()
    try:
        yield
    finally:
        gate.open()


def stopping(address):
    """Stop an actor in another thread; return that and a journal that gets the `StopResult`."""
    results = Journal()
    thread = threading.Thread(target=lambda: results.add(address.stop()))
    thread.start()
    return thread, results


def takes(clock, seconds):
    """Return an `on_terminate` for `Misbehaving` that is over when the clock has moved by so much."""

    def terminate(_reason):
        over = threading.Event()
        clock.arm(seconds, over.set)
        over.wait(CEILING_S)

    return terminate

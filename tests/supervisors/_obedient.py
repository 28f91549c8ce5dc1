"""A server whose hooks return what its messages say."""

from __future__ import annotations

import threading
from contextlib import contextmanager

from supervisors import GenServer
from supervisors.testing import CEILING_S


class Obedient(GenServer):
    """Notes (hook, name) of each message (name, outcome) and returns the outcome, called if it is a function.

    A message that is no tuple is a name without an outcome.
    """

    def init(self, journal, outcome=None):
        self.journal = journal
        self.senders = []
        return outcome

    def handle_call(self, message, sender):
        self.senders.append(sender)
        return self.note("call", message)

    def handle_cast(self, message):
        return self.note("cast", message)

    def handle_info(self, message):
        return self.note("info", message)

    def handle_continue(self, term):
        return self.note("continue", term)

    def terminate(self, reason):
        self.journal.add(("terminate", reason))

    def note(self, hook, message):
        name, outcome = message if isinstance(message, tuple) else (message, None)
        self.journal.add((hook, name))
        return outcome(self) if callable(outcome) else outcome


@contextmanager
def busy(server):
    """Keep a server in a handler; what is sent meanwhile is queued."""
    entered, release = threading.Event(), threading.Event()

    def block(_server):
        entered.set()
        release.wait(CEILING_S)

    server.cast(("block", block))
    assert entered.wait(CEILING_S)
    try:
        yield
    finally:
        release.set()

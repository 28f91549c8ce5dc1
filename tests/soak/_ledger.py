"""Which requests are under way, and what came of each: nothing may be lost, and nothing may come twice.

A request has a token, which is its tag. Two things are to come of it: a result for the client, and the event
`execution.finished`, which carries the same result. A token is forgotten when both were there, so the books
stay small however long the soak is.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass

MOST_FAULTS = 20  # that are kept word for word


@dataclass
class Open:
    """A request that is not settled.

    Attributes:
        verb: what kind of request it is.
        awaits_result: whether its client still waits.
        withdrawn: whether the client has given it up; then an event may come, or none.
        result: what the client has; None before it.
        told: what the event said; None before it.
    """

    verb: str
    awaits_result: bool = True
    withdrawn: bool = False
    result: object = None
    told: object = None


class Ledger:
    """Any thread may use it.

    Attributes:
        counted: settled requests by verb and kind of result.
        faults: what must not be, in words.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._open: dict[str, Open] = {}
        self._given_up: set[str] = set()  # in the round before; an event may still be on its way
        self._serial = 0
        self.counted = Counter()
        self.faults = []

    def issue(self, verb, *, awaits_result=True):
        """Return a new token."""
        with self._lock:
            self._serial += 1
            token = f"{verb}-{self._serial:07d}"
            self._open[token] = Open(verb, awaits_result)
            return token

    def returned(self, token, result):
        """Note that a client has its result."""
        with self._lock:
            entry = self._open.get(token)
            if entry is None or not entry.awaits_result:
                self._fault(f"{token}: a second result, {result}")
                return
            entry.awaits_result, entry.result = False, result
            self.counted[entry.verb, type(result).__name__] += 1
            self._settle(token, entry)

    def withdraw(self, token):
        """Note that a client has given a request up."""
        with self._lock:
            entry = self._open[token]
            entry.withdrawn, entry.awaits_result = True, False
            self.counted[entry.verb, "withdrawn"] += 1

    def told(self, token, result):
        """Note the event of a request's end."""
        with self._lock:
            entry = self._open.get(token)
            if entry is None or entry.told is not None:
                if token in self._given_up:
                    self._given_up.discard(token)
                else:
                    self._fault(f"{token}: a second event, or one that nobody asked for: {result}")
                return
            entry.told = result
            if not entry.awaits_result and not entry.withdrawn and entry.result is None:
                self.counted[entry.verb, type(result).__name__] += 1
            self._settle(token, entry)

    def fault(self, text):
        """Note something that must not be."""
        with self._lock:
            self._fault(text)

    def unsettled(self):
        """Return the tokens of requests of which something is still to come."""
        with self._lock:
            return sorted(token for token, entry in self._open.items() if not entry.withdrawn)

    def rest(self):
        """Note that nothing is under way: what is unsettled is lost."""
        for token in self.unsettled():
            self.fault(f"{token}: lost")
        with self._lock:
            self._given_up = {token for token, entry in self._open.items() if entry.told is None}
            self._open.clear()

    def _settle(self, token, entry):
        if entry.told is None or entry.awaits_result or entry.withdrawn:
            return
        del self._open[token]
        if entry.result is not None and entry.result is not entry.told:
            self._fault(f"{token}: the client has {entry.result}, the event had {entry.told}")

    def _fault(self, text):
        self.counted["faults", ""] += 1
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(text)

"""Backends for tests: in memory, and doing to each operation what the test says."""

from __future__ import annotations

import threading
from itertools import count

from dspex_actors.state import Capability, Memory, States, StorageUnavailableError, StoreConfig

CEILING_S = 10.0
START_US = 1_700_000_000_000_000


def ticking(start_us=START_US, step_us=1_000_000):
    """Return a clock that goes one second further each time it is read."""
    times = count(start_us, step_us)
    return lambda: next(times)


def opened(backend=None, **settings):
    """Open a store in memory, on a clock that ticks."""
    settings.setdefault("now_us", ticking())
    return States.open(backend or Memory(), StoreConfig(**settings))


class Hooked:
    """A `Memory` whose operations pass through `hook(operation, do)`, which may do it, not do it, or both.

    `hook` is called in the thread that uses the storage. `opens` counts how often it was opened.
    """

    name = "hooked"

    def __init__(self, memory=None, hook=None, on_open=None, without=(Capability.NOTIFIES,)):
        self.memory = memory or Memory()
        self.hook = hook or (lambda _, do: do())
        self.on_open = on_open or (lambda: None)
        self.opens = 0
        self.capabilities = self.memory.capabilities - set(without)

    def open(self):
        self.opens += 1
        self.on_open()
        return _HookedStorage(self, self.memory.open())


class _HookedStorage:
    def __init__(self, backend, storage):
        self._backend = backend
        self._storage = storage

    def __getattr__(self, operation):
        if operation == "subscribe" and Capability.NOTIFIES not in self._backend.capabilities:
            raise AttributeError(operation)
        method = getattr(self._storage, operation)
        if operation == "close":
            return method
        return lambda *args, **kwargs: self._backend.hook(operation, lambda: method(*args, **kwargs))


class Script:
    """A hook that does to the calls of one operation, in turn, what its steps say; afterwards what is normal.

    Steps: `"ok"`; `"lost before"`, the connection is lost and nothing is done; `"lost after"`, it is done and
    the answer is lost; `"refused"`, it is not done and that is certain.
    """

    def __init__(self, operation, *steps):
        self.operation = operation
        self.steps = list(steps)
        self.calls = []

    def __call__(self, operation, do):
        self.calls.append(operation)
        step = self.steps.pop(0) if operation == self.operation and self.steps else "ok"
        if step == "lost after":
            do()
        if step.startswith("lost"):
            raise StorageUnavailableError("hooked", operation, "connection lost", written=None)
        if step == "refused":
            raise StorageUnavailableError("hooked", operation, "no connection")
        return do()


class Gate:
    """A hook that holds one operation until it is let go."""

    def __init__(self, operation):
        self.operation = operation
        self.entered = threading.Event()
        self.release = threading.Event()
        self.sizes = []

    def __call__(self, operation, do):
        if operation == self.operation:
            self.entered.set()
            assert self.release.wait(CEILING_S)
        return do()

"""Modules of several kinds, for the tests of dumping and loading."""

from __future__ import annotations

import threading

from dspex_actors.modules import Parameter


class Counter:
    """Plain state."""

    def __init__(self):
        self.count = 0
        self.metadata = {"kept": True}


class Layer:
    """A part with a parameter and a lock."""

    def __init__(self, weight=1.0):
        self.weight = Parameter(weight)
        self.lock = threading.Lock()


class Network:
    """Parts in containers, one of them twice, and a way back."""

    def __init__(self, *weights):
        self.layers = [Layer(weight) for weight in weights or (1.0, 2.0)]
        self.by_key = {1: Layer(3.0), "1": Layer(4.0)}
        self.first = self.layers[0]
        self.me = self
        self.activation = abs


class Own:
    """Says its state itself."""

    def __init__(self, value=0, broken=()):
        self.value = value
        self.broken = broken
        self.loads = 0

    def dump_state(self):
        return {"v": self.value}

    def load_state(self, state):
        self.loads += 1
        self.value = state["v"]
        if self.value in self.broken:
            raise ValueError("not this one")


class Fickle(Own):
    """Takes its state on a copy and refuses it afterwards."""

    taken = 0

    def load_state(self, state):
        super().load_state(state)
        Fickle.taken += 1
        if Fickle.taken % 2 == 0:
            raise OSError("changed its mind")


class Holder:
    """An object of any attributes."""

    def __init__(self, **attributes):
        vars(self).update(attributes)

"""Why a command cannot do what it was asked, by whose fault it is."""

from __future__ import annotations

from dspex_actors._errors import DspexError


class UsageError(DspexError):
    """What was asked for cannot be done: a file cannot be read, a stream not written, a state not found."""


class ToolFailedError(DspexError):
    """A program that makes images is missing, or cannot do what it was asked."""


class RuntimeLostError(DspexError):
    """The runtime cannot be reached, does not listen to us, or ended before it had answered."""


class StoreFailedError(DspexError):
    """The store cannot do what it was asked: it cannot be reached, or a part of it cannot be read."""

"""What is wrong with how the command was called."""

from __future__ import annotations

from dspex_actors._errors import DspexError


class UsageError(DspexError):
    """The command cannot do what it was asked: a file cannot be read, a stream not written."""

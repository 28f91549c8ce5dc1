"""The root of what can go wrong with modules; the errors below it stand beside what raises them."""

from __future__ import annotations

from dspex_actors._errors import DspexError


class ModuleError(DspexError):
    """Root of the errors of modules: their parameters, their states, their instances and their registry."""

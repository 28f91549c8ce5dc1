"""Objects that say their state themselves: their class has both `dump_state` and `load_state`."""

from __future__ import annotations

from dspex_actors.modules._marks import is_dspy_module, is_parameter


def has_own_state(obj: object) -> bool:
    """Return whether the class of an object has both methods.

    Of DSPy's modules only its parameters count: what a module of it dumps lacks what stands in containers
    inside containers, and has one name for the keys 1 and '1'.
    """
    cls = type(obj)
    if not all(callable(getattr(cls, name, None)) for name in ("dump_state", "load_state")):
        return False
    return not is_dspy_module(obj) or is_parameter(obj)

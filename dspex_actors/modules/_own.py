"""Objects that say their state themselves: their class has both `dump_state` and `load_state`."""

from __future__ import annotations

from dspex_actors.modules._marks import is_dspy_module_class, is_parameter_class


def has_own_state(cls: type) -> bool:
    """Return whether a class has both methods.

    Of DSPy's modules only its parameters count: what a module of it dumps lacks what stands in containers
    inside containers, and has one name for the keys 1 and '1'.
    """
    if not (callable(getattr(cls, "dump_state", None)) and callable(getattr(cls, "load_state", None))):
        return False
    return not is_dspy_module_class(cls) or is_parameter_class(cls)

"""Objects that say their state themselves: their class has both `dump_state` and `load_state`."""

from __future__ import annotations

from inspect import getattr_static

from dspex_actors.modules._marks import is_dspy_module_class, is_parameter_class


def has_own_state(cls: type) -> bool:
    """Return whether a class has both methods, for its objects.

    Of DSPy's modules only its parameters count: what a module of it dumps lacks what stands in containers
    inside containers, and has one name for the keys 1 and '1'.
    """
    if not _has_both(cls) or makes_from_state(cls):
        return False
    return not is_dspy_module_class(cls) or is_parameter_class(cls)


def makes_from_state(cls: type) -> bool:
    """Return whether a class makes new objects from states, as a class method, and does not load into them.

    Such an object is left as it is, like one that is alive: what it has besides its state, such as the key
    of a service, a new one would lack.
    """
    return _has_both(cls) and isinstance(getattr_static(cls, "load_state"), (classmethod, staticmethod))


def _has_both(cls: type) -> bool:
    return callable(getattr(cls, "dump_state", None)) and callable(getattr(cls, "load_state", None))

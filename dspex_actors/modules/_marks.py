"""What makes an object a parameter: its class, which is looked at and not run."""

from __future__ import annotations

import sys
from typing import ClassVar, Protocol, runtime_checkable


@runtime_checkable
class ParameterLike(Protocol):
    """What a class of your own needs in order to be found: the mark, and a way back to the start.

    Attributes:
        is_parameter: True, set in the class.
    """

    is_parameter: ClassVar[bool]

    def reset(self) -> None:
        """Take the value again that it had at first."""


def is_parameter(value: object) -> bool:
    """Return whether a value is a parameter without a predicate's help: a `Parameter`, marked, or DSPy's."""
    return is_parameter_class(type(value))


def is_parameter_class(cls: type) -> bool:
    """Return whether objects of a class are parameters."""
    if any(each.__dict__.get("is_parameter") is True for each in cls.__mro__):
        return True
    return _is_of(cls, "dspy.predict.parameter", "Parameter")


def is_dspy_module_class(cls: type) -> bool:
    """Return whether objects of a class are modules of DSPy's; False where DSPy is not loaded."""
    return _is_of(cls, "dspy.primitives.base_module", "BaseModule")


def _is_of(cls: type, module: str, name: str) -> bool:
    base = getattr(sys.modules.get(module), name, None)
    return isinstance(base, type) and issubclass(cls, base)

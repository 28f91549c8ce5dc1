"""Variables on their way to a guest: plain data as data, the rest by cloudpickle.

This direction is trusted: the host made the objects. Nothing ever comes back this way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dspex_actors import values
from dspex_actors._errors import ValueEncodeError
from dspex_actors.workers import INVOCATION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dspex_actors._execution import ExecutionContext


def encode_variables(variables: Mapping[str, Any]) -> values.Encoded | None:
    """Encode the variables of a request; None if there are none.

    Args:
        variables: names to values. Callables and objects of any class cross by value, as cloudpickle does it.

    Raises:
        ValueEncodeError: one of them cannot cross; its path starts with the variable's name.
    """
    if not variables:
        return None
    return values.encode(dict(variables), opaque=_pickled)


def encode_inputs(context: ExecutionContext) -> values.Encoded | None:
    """Encode all that a request gives its code: the variables, and how it is called. None if that is nothing.

    Raises:
        ValueEncodeError: something cannot cross.
    """
    invocation = context.invocation
    return encode_variables(
        {**context.variables, INVOCATION: invocation} if invocation else context.variables
    )


def _pickled(value: object) -> bytes:
    """Pickle what is not plain data.

    Raises:
        ValueEncodeError: it cannot be pickled.
    """
    import cloudpickle  # noqa: PLC0415 -- 10 ms that only senders of objects should pay

    try:
        data: bytes = cloudpickle.dumps(value)
    except Exception as error:
        # Whatever a user's __reduce__ raises, it is that object's own fault.
        name = type.__dict__["__qualname__"].__get__(type(value))
        raise ValueEncodeError("variable", name, f"cloudpickle refuses it: {error}") from error
    return data

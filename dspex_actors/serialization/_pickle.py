"""The format pickle: any Python object, at the price that loading one runs what its bytes say.

Nothing here is called before `_serializer` has checked that pickles are allowed, that the writer is known,
and that it was this minor version of Python. Other minors are refused and not only warned of: cloudpickle
stores byte code, and that of another minor ends the process.
"""

from __future__ import annotations

import pickle
import sys
from typing import TYPE_CHECKING, Final

from dspex_actors._errors import ValueEncodeError
from dspex_actors.serialization._bounds import DEFAULT, Bounds
from dspex_actors.serialization._errors import MalformedError, TooLargeError

if TYPE_CHECKING:
    from dspex_actors.serialization._header import Header

AUDIT_EVENT: Final = "dspex_actors.serialization.unpickle"
PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"


def encode(value: object, bounds: Bounds = DEFAULT) -> bytes:
    """Return any object as a pickle, functions and classes of the program's by value.

    Raises:
        ValueEncodeError: it cannot be pickled.
        TooLargeError: the pickle has more than `Bounds.raw_bytes`.
    """
    import cloudpickle  # noqa: PLC0415 -- only who uses this format pays for it

    try:
        body: bytes = cloudpickle.dumps(value, protocol=5)
    except Exception as error:  # pickling runs the value's own code, which may raise anything
        reason = f"it cannot be pickled: {type(error).__name__}: {error}"
        raise ValueEncodeError("value", type(value).__name__, reason) from error
    if len(body) > bounds.raw_bytes:
        raise TooLargeError("raw_bytes", len(body), bounds.raw_bytes)
    return body


def decode(body: bytes, header: Header) -> object:
    """Load a pickle, after raising the audit event with the format's header. The caller has checked all else.

    Raises:
        MalformedError: it cannot be loaded; the cause is what the pickle raised.
    """
    sys.audit(AUDIT_EVENT, header)
    try:
        return pickle.loads(body)  # noqa: S301 -- allowed by the caller, see above
    except Exception as error:  # unpickling runs the writer's code, which may raise anything
        raise MalformedError(f"a pickle that cannot be loaded: {type(error).__name__}: {error}") from error


def refusal(header: Header, *, allowed: bool, trusted: bool) -> str | None:
    """Return why a pickle with this header is not loaded, None if it is."""
    if not allowed:
        return "pass allow_pickle=True to a Serializer that knows the writer's key"
    if header.key_id is None and not trusted:
        return "it is not signed; sign it with a KeyRing, or pass trusted=True"
    if header.python != PYTHON:
        return f"it was written by Python {header.python} and this is {PYTHON}"
    return None

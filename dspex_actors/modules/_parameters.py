"""What a parameter is, and finding all that an object has.

    class Summarizer:
        def __init__(self):
            self.prompt = Parameter("Summarize the text.")
            self.rules = {"tone": [Parameter("calm")]}

    named_parameters(Summarizer())      # [("prompt", ...), ("rules['tone'][0]", ...)]

A parameter is a `Parameter`, an object whose class says `is_parameter = True`, a parameter of DSPy's where
that is loaded, or what a predicate of yours says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from dspex_actors.modules._copying import deep_copy
from dspex_actors.modules._marks import is_parameter_class
from dspex_actors.modules._module_errors import CopyFailedError
from dspex_actors.modules._paths import Names
from dspex_actors.modules._structure import IMMUTABLE, Shapes, Sort

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors.modules._structure import Found

T = TypeVar("T")


class Parameter(Generic[T]):
    """A value that is meant to be tuned: a prompt, a threshold, examples, weights.

    Attributes:
        value: what it is now; of any type.
        initial: what it was at first, and is again after `reset`. A copy, so that a list that is changed in
            place has its beginning too.
        description: for people.
    """

    __module__ = "dspex_actors.modules"  # its name in states
    __slots__ = ("__weakref__", "description", "initial", "value")

    is_parameter: ClassVar[bool] = True

    def __init__(self, value: T, *, description: str = "") -> None:
        self.value = value
        self.initial = value if type(value) in IMMUTABLE else deep_copy(value)
        self.description = description

    def reset(self) -> None:
        """Take a copy of the initial value."""
        self.value = self.initial if type(self.initial) in IMMUTABLE else deep_copy(self.initial)

    def __repr__(self) -> str:
        return f"Parameter({self.value!r})"


def named_parameters(
    obj: object,
    *,
    predicate: Callable[[Any], bool] | None = None,
    skip: Callable[[Any], bool] | None = None,
) -> list[tuple[str, Any]]:
    """Return every parameter below an object, with its name, in the order of declaration.

    A name leads back to the parameter by `resolve`, and names no other. A parameter that is met at several
    places is named after the first. What a parameter holds is its value, and is not looked through.

    Args:
        obj: any object. One that is itself a parameter has the empty name.
        predicate: what to take for a parameter instead; it is asked about every part, values too.
        skip: parts that are left out with all below them, such as those that are frozen; `obj` is not asked
            about.

    Raises:
        Exception: what `predicate` or `skip` raises.
    """
    marked = _Marked()
    ignored = IMMUTABLE if predicate is None else ()
    names, shapes = Names(), Shapes()
    found: list[tuple[str, Any]] = []
    seen: dict[int, object] = {}  # it holds them, so that no id is given away meanwhile
    stack: list[Found] = [(None, obj)]
    while stack:
        trail, at = stack.pop()
        cls = type(at)
        if cls not in IMMUTABLE:
            if id(at) in seen:
                continue
            seen[id(at)] = at
        if skip is not None and trail is not None and skip(at):
            continue
        if marked[cls] if predicate is None else predicate(at):
            found.append((names.of(trail), at))
        elif cls not in IMMUTABLE and (shape := shapes[cls]).sort is not Sort.OPAQUE:
            stack += shape.below(trail, at, ignored)
    return found


class _Marked(dict[type, bool]):
    """Whether the objects of each class are parameters."""

    def __missing__(self, cls: type) -> bool:
        found = self[cls] = cls not in IMMUTABLE and is_parameter_class(cls)
        return found


def discover_parameters(
    obj: object,
    *,
    predicate: Callable[[Any], bool] | None = None,
    skip: Callable[[Any], bool] | None = None,
) -> dict[str, Any]:
    """Return every parameter below an object by its name; as `named_parameters`, which says more.

    Raises:
        Exception: what `predicate` or `skip` raises.
    """
    return dict(named_parameters(obj, predicate=predicate, skip=skip))


def reset_copy(obj: T, *, predicate: Callable[[Any], bool] | None = None) -> T:
    """Return a deep copy of an object with every parameter reset; the object itself stays as it is.

    Args:
        obj: any object.
        predicate: as for `named_parameters`.

    Raises:
        CopyFailedError: a part cannot be copied, or a parameter has no `reset` or its `reset` raised.
    """
    copied = deep_copy(obj)
    for name, parameter in named_parameters(copied, predicate=predicate):
        try:
            parameter.reset()
        except Exception as error:  # the parameter's own code, which may raise anything
            reason = f"its reset failed: {type(error).__name__}: {error}"
            raise CopyFailedError(name, type(parameter).__name__, reason) from error
    return copied

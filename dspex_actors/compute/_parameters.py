"""Parameters as their user nests them, and as the one vector that methods move in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dspex_actors.compute._errors import ComputeInputError
from dspex_actors.compute._inputs import NanPolicy, floats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

_DEEPEST = 32
_PLAIN = (bool, int, float, np.number, np.bool_)


@dataclass(frozen=True, slots=True)
class Structure:
    """How parameters are nested.

    A structure is a number, an array, a list of numbers (which counts as an array, however it is nested), or
    a dict, list, tuple or named tuple of structures.

    Attributes:
        size: numbers in all.
        build: makes the parameters from a vector of that size; arrays in it are views. The vector may be any
            object that can be sliced and reshaped, as those which autograd traces.
    """

    size: int
    build: Callable[[Any], Any]


def flatten(params: object, *, field: str = "initial_params") -> tuple[Structure, NDArray[np.float64]]:
    """Return how parameters are nested, and all their numbers as one vector.

    Args:
        params: see `Structure`.
        field: its name, for errors.

    Raises:
        ComputeInputError: something in it is no finite real number, or there is nothing in it.
    """
    leaves: list[NDArray[np.float64]] = []
    build = _builder(params, field, leaves, 0)
    if not leaves or not sum(leaf.size for leaf in leaves):
        raise ComputeInputError(field, "no numbers", "at least one number")
    vector = np.concatenate([leaf.reshape(-1) for leaf in leaves])
    return Structure(vector.size, build), vector


def flatten_like(params: object, structure: Structure, like: object, *, field: str) -> NDArray[np.float64]:
    """Return the numbers of something that is nested in the same way, as one vector.

    Args:
        params: a gradient, or bounds.
        structure: what it has to be like.
        like: the parameters that it has to be like.
        field: its name, for errors.

    Raises:
        ComputeInputError: it is nested otherwise, or holds what is no real number. NaN and infinities may be
            in it.
    """
    expected = list(_shapes(like, "", 0))
    found = list(_shapes(params, "", 0))
    if [place for place, _ in expected] != [place for place, _ in found]:
        seen = f"parts {_named(found)}"
        raise ComputeInputError(field, seen, f"nested as the parameters, with parts {_named(expected)}")
    for (place, shape), (_, other) in zip(expected, found, strict=True):
        if shape != other:
            raise ComputeInputError(field + place, "an array", f"of shape {shape}", other)
    leaves = [_loose(leaf, field) for leaf in _leaves(params)]
    vector = np.concatenate([leaf.reshape(-1) for leaf in leaves])
    if vector.size != structure.size:
        raise ComputeInputError(field, f"{vector.size} numbers", f"{structure.size} numbers")
    return vector


def leaf_shape(params: Any) -> tuple[int, ...] | None:  # noqa: ANN401 -- nested as the user's
    """Return the shape of parameters that are one array or number; None if they are nested."""
    return np.shape(params) if _children(params) is None else None


def plain(params: Any) -> Any:  # noqa: ANN401 -- nested as the user's
    """Return built parameters with Python floats in place of numpy's."""
    if isinstance(params, Mapping):
        return {key: plain(value) for key, value in params.items()}
    if isinstance(params, (list, tuple)):
        parts = [plain(value) for value in params]
        return type(params)(*parts) if hasattr(params, "_fields") else type(params)(parts)
    return float(params) if np.ndim(params) == 0 else params


def _children(node: object) -> list[tuple[str, Any]] | None:
    """Return the parts of a container with their places; None if it is a leaf."""
    if isinstance(node, Mapping):
        return [(f"[{key!r}]", value) for key, value in node.items()]
    if isinstance(node, (list, tuple)) and not _is_plain(node, 0):
        return [(f"[{index}]", value) for index, value in enumerate(node)]
    return None


def _is_plain(node: object, depth: int) -> bool:
    """Whether a list is one of plain numbers all the way down, and so an array."""
    if isinstance(node, (list, tuple)) and depth < _DEEPEST:
        return bool(node) and not hasattr(node, "_fields") and all(_is_plain(x, depth + 1) for x in node)
    return isinstance(node, _PLAIN)


def _builder(
    node: Any,  # noqa: ANN401 -- nested as the user's
    place: str,
    leaves: list[NDArray[np.float64]],
    depth: int,
) -> Callable[[Any], Any]:
    """Return what builds a node from the vector; its leaves are appended.

    Raises:
        ComputeInputError: it is nested too deeply, or see `floats`.
    """
    if depth > _DEEPEST:
        raise ComputeInputError(place[:80], "deeper nesting", f"nested at most {_DEEPEST} deep")
    children = _children(node)
    if children is None:
        leaf = floats(place, node)  # refused if it is no array
        start = sum(each.size for each in leaves)
        leaves.append(leaf)
        return _leaf_builder(start, leaf.shape)
    builders = [_builder(child, place + where, leaves, depth + 1) for where, child in children]
    if isinstance(node, Mapping):
        keys = list(node)
        return lambda vector: {key: build(vector) for key, build in zip(keys, builders, strict=True)}
    kind = type(node)
    if hasattr(node, "_fields"):
        return lambda vector: kind(*(build(vector) for build in builders))
    return lambda vector: kind(build(vector) for build in builders)


def _leaf_builder(start: int, shape: tuple[int, ...]) -> Callable[[Any], Any]:
    if not shape:
        return lambda vector: vector[start]
    end = start + int(np.prod(shape))
    if len(shape) == 1:
        return lambda vector: vector[start:end]
    return lambda vector: vector[start:end].reshape(shape)


def _leaves(node: object) -> Iterator[Any]:
    children = _children(node)
    if children is None:
        yield node
        return
    for _, child in children:
        yield from _leaves(child)


def _shapes(
    node: Any,  # noqa: ANN401 -- nested as the user's
    place: str,
    depth: int,
) -> Iterator[tuple[str, tuple[int, ...]]]:
    children = _children(node) if depth <= _DEEPEST else None
    if children is None:
        try:
            yield place, np.shape(node)
        except ValueError:
            raise ComputeInputError(place or "parameters", "a ragged list", "regular arrays") from None
        return
    for where, child in children:
        yield from _shapes(child, place + where, depth + 1)


def _named(parts: list[tuple[str, tuple[int, ...]]]) -> str:
    text = ", ".join(f"{place or 'the whole'} {shape}" for place, shape in parts)
    return text if len(text) <= 200 else text[:197] + "..."


def _loose(leaf: object, field: str) -> NDArray[np.float64]:
    """Return a leaf as doubles, NaN and infinities included."""
    array = np.asarray(leaf)
    if array.dtype.kind == "f":
        return array.astype(np.float64, copy=False)
    return floats(field, array, nan=NanPolicy.PROPAGATE)

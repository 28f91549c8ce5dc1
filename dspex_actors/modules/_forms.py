"""Reading the forms that a dump writes: which one it is, and whether it is one.

Anyone may have written it.
"""

from __future__ import annotations

from typing import Any, Final

from dspex_actors.modules._module_errors import MalformedStateError

_FIELDS: Final = {
    "$object": frozenset({"attributes", "items", "entries", "factory", "maxlen"}),
    "$own": frozenset({"state"}),
    "$tuple": frozenset[str](),
    "$set": frozenset[str](),
    "$frozenset": frozenset[str](),
    "$dict": frozenset[str](),
    "$enum": frozenset({"name", "value"}),
    "$path": frozenset({"class"}),
    "$live": frozenset[str](),
    "$ref": frozenset[str](),
}
_TEXTS: Final = frozenset({"$object", "$own", "$enum", "$path", "$live"})
_LISTS: Final = frozenset({"$tuple", "$set", "$frozenset", "$dict"})


def tag_of(form: dict[Any, Any]) -> str | None:
    """Return which form a dict is, None for one that stands for itself.

    Raises:
        MalformedStateError: it has a key that no form has.
    """
    tags = [key for key in form if type(key) is str and key[:1] == "$" and key[:2] != "$$"]
    if not tags:
        return None
    tag = tags[0]
    if len(tags) > 1 or tag not in _FIELDS or not form.keys() - {tag} <= _FIELDS[tag]:
        raise MalformedStateError(f"there is no form with the keys {', '.join(map(repr, form))[:200]}")
    content = form[tag]
    right = str if tag in _TEXTS else list if tag in _LISTS else int
    if type(content) is not right:
        raise MalformedStateError(f"{tag} holds a {type(content).__name__}, not a {right.__name__}")
    return tag


def unescaped(key: Any) -> Any:  # noqa: ANN401 -- any key
    """Return a key as it was before the dump."""
    return key[1:] if type(key) is str and key[:2] == "$$" else key


def field(form: dict[Any, Any], name: str, kind: type) -> Any:  # noqa: ANN401 -- an object of `kind`
    """Return a field of a form, empty if it has none.

    Raises:
        MalformedStateError: it holds something of another type.
    """
    found = form.get(name, kind())
    if type(found) is not kind:
        raise MalformedStateError(f"{name} holds a {type(found).__name__}, not a {kind.__name__}")
    return found


def pairs(items: list[Any]) -> list[list[Any]]:
    """Return the pairs of keys and values in a list.

    Raises:
        MalformedStateError: it holds something else.
    """
    if not all(type(pair) is list and len(pair) == 2 for pair in items):
        raise MalformedStateError("the entries of a dict are not pairs")
    return items


def attribute_name(key: Any) -> str:  # noqa: ANN401 -- any key
    """Return the name of an attribute.

    Raises:
        MalformedStateError: it is none.
    """
    if type(key) is not str or (key[:1] == "$" and key[:2] != "$$"):
        raise MalformedStateError(f"an attribute is named {key!r:.50}, which no dump writes")
    name: str = unescaped(key)
    return name


def nodes_of(state: Any) -> list[Any]:  # noqa: ANN401 -- anything
    """Return the parts of a state that stand in a list of their own.

    Raises:
        MalformedStateError: it is no state.
    """
    if type(state) is not dict:
        raise MalformedStateError(f"it is a {type(state).__name__}, not a dict")
    return list(field(state, "$nodes", list)) or [None]

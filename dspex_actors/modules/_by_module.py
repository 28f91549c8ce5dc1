"""Something for each instance, found by instance or by module without looking at any other. Pure."""

from __future__ import annotations

from typing import Generic, TypeAlias, TypeVar

ValueT = TypeVar("ValueT")
Key: TypeAlias = tuple[str, str]
"""Module id and name of the instance."""


class ByModule(Generic[ValueT]):
    """Values by instance; the caller holds the lock."""

    def __init__(self) -> None:
        self._of: dict[str, dict[str, ValueT]] = {}  # none of them empty

    def __contains__(self, key: Key) -> bool:
        return key[1] in self._of.get(key[0], ())

    def get(self, key: Key) -> ValueT | None:
        """Return the value of an instance; None if there is none."""
        return self._of.get(key[0], {}).get(key[1])

    def put(self, key: Key, value: ValueT) -> None:
        """Keep a value, in place of the one before."""
        self._of.setdefault(key[0], {})[key[1]] = value

    def pop(self, key: Key) -> ValueT | None:
        """Remove and return the value of an instance; None if there is none."""
        module_id, name = key
        of = self._of.get(module_id)
        if of is None:
            return None
        value = of.pop(name, None)
        if not of:
            del self._of[module_id]
        return value

    def drop(self, module_id: str) -> None:
        """Remove the values of all instances of a module; quiet if there are none."""
        self._of.pop(module_id, None)

    def of(self, module_id: str) -> dict[Key, ValueT]:
        """Return the values of a module's instances, sorted by name."""
        return {(module_id, name): value for name, value in sorted(self._of.get(module_id, {}).items())}

    def count(self, module_id: str) -> int:
        """Return how many instances of a module have a value."""
        return len(self._of.get(module_id, ()))

    def keys(self) -> list[Key]:
        """Return all instances that have a value, sorted."""
        return sorted((module_id, name) for module_id, of in self._of.items() for name in of)

"""The state of any object: its own methods win."""

from __future__ import annotations

from typing import Any


def dump_state(target: object) -> Any:  # noqa: ANN401 -- whatever the object says its state is
    """Return the state of an object: what its `dump_state` says, else its attributes."""
    own = getattr(target, "dump_state", None)
    return own() if own is not None else dict(vars(target))


def load_state(target: object, state: Any) -> None:  # noqa: ANN401 -- as above
    """Give an object a state: by its `load_state`, else as its attributes."""
    own = getattr(target, "load_state", None)
    if own is not None:
        own(state)
    else:
        vars(target).update(state)

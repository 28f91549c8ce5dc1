"""What an instance's actor drives: an object of the module, here or elsewhere. This one is here."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from dspex_actors._errors import ConfigError
from dspex_actors.modules._objects import dumped, made, migrated
from supervisors import Refuse

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from dspex_actors.modules._catalog import LoadedCode
    from dspex_actors.modules._objects import SavedState
    from dspex_actors.modules._spec import ModuleSpec
    from dspex_actors.modules._version_table import ModuleVersion


class Body(Protocol):
    """One object of one version. Used by one thread at a time."""

    @property
    def version(self) -> ModuleVersion:
        """Of the code it was made of."""

    @property
    def lost(self) -> bool:
        """Whether the object is gone, so that it has to be made anew."""

    def call(self, method: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- the method's
        """Call a method of the object.

        Raises:
            Refuse: there is no such method, or it refuses.
            Exception: what the method raised.
        """

    def dump(self) -> SavedState:
        """Take its state.

        Raises:
            StepFailedError: its `dump_state` raised, or the state cannot be copied.
        """

    def close(self) -> None:
        """Let go of it; quiet if that was done."""


@dataclass(frozen=True, slots=True)
class Built:
    """A new body, and the state it was given; None if it had none."""

    body: Body
    saved: SavedState | None


class HostBody:
    """An object in this process."""

    def __init__(self, target: object, version: ModuleVersion) -> None:
        self._target = target
        self._version = version

    @property
    def version(self) -> ModuleVersion:
        """Of the code it was made of."""
        return self._version

    @property
    def lost(self) -> bool:
        """False: it lives in this process."""
        return False

    def call(self, method: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- the method's
        """Call a method; one that is asynchronous runs to its end here.

        Raises:
            Refuse: there is no such method, or it refuses.
            Exception: what the method raised.
        """
        check_method(method)
        function = getattr(self._target, method, None)
        if not callable(function):
            kind = type(self._target).__name__
            raise Refuse(ConfigError("method", method, f"the name of a method of {kind}"))
        value = function(*args, **kwargs)
        return _run_to_its_end(value) if inspect.iscoroutine(value) else value

    def dump(self) -> SavedState:
        """Take the object's state.

        Raises:
            StepFailedError: its `dump_state` raised, or the state cannot be copied.
        """
        return dumped(self._target, self._version)

    def close(self) -> None:
        """Nothing to do: the object goes with its last reference."""


def build_here(code: LoadedCode, spec: ModuleSpec, saved: SavedState | None) -> Built:
    """Make an object in this process, of the state of this or another version.

    Raises:
        StepFailedError: at `"code_change"`, `"construct"` or `"load_state"`.
    """
    state = None if saved is None else migrated(code, saved)
    return Built(HostBody(made(code, spec, state), code.version), state)


def _run_to_its_end(coroutine: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 -- the method's value
    import asyncio  # noqa: PLC0415 -- 30 ms that only those with such methods should pay

    return asyncio.run(coroutine)


def check_method(method: str) -> None:
    """Refuse the name of a method that is not for others.

    Raises:
        Refuse: it is private, or no name.
    """
    is_name = isinstance(method, str) and method.isidentifier()
    if not is_name or (method.startswith("_") and method != "__call__"):
        raise Refuse(ConfigError("method", method, "the name of a public method, or '__call__'"))

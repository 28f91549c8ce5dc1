"""Objects of modules: made, dumped, and carried over to another version. Runs the module's own code.

It runs in an actor's thread, so that nobody's Ctrl-C lands in it: whatever it raises is its own failure,
SystemExit and KeyboardInterrupt too.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dspex_actors.modules._dumping import dump_state
from dspex_actors.modules._loading import load_state
from dspex_actors.modules._own import has_own_state
from dspex_actors.modules._reload_errors import described

if TYPE_CHECKING:
    from dspex_actors.modules._catalog import LoadedCode
    from dspex_actors.modules._spec import ModuleSpec
    from dspex_actors.modules._version_table import ModuleVersion


@dataclass(frozen=True, slots=True)
class SavedState:
    """The state of an object, and the version of the code it is of."""

    version: ModuleVersion
    state: Any


class StepFailedError(Exception):
    """A step of a start or a reload failed.

    Attributes:
        step: its name, as in `ReloadError`.
        error: what was raised, mostly by the module's own code.
        where: the Python module or the instance it failed in, if that is known.
    """

    def __init__(self, step: str, error: BaseException, where: str = "") -> None:
        super().__init__(step, error, where)
        self.step = step
        self.error = error
        self.where = where

    def __str__(self) -> str:
        return f"{self.step} failed: {described(self.error)}"


def dumped(target: object, version: ModuleVersion) -> SavedState:
    """Take the state of an object, as a copy that nothing else refers to.

    Raises:
        StepFailedError: at `"dump_state"`.
    """
    try:
        state = dump_state(target)
        return SavedState(version, copy.deepcopy(state) if has_own_state(type(target)) else state)
    except BaseException as error:
        raise StepFailedError("dump_state", error) from error


def made(code: LoadedCode, spec: ModuleSpec, saved: SavedState | None) -> Any:  # noqa: ANN401 -- the module's object
    """Make an object of a version, with a state if there is one.

    The object is constructed as always, then gets the state: its own `load_state` if it has one.

    Raises:
        StepFailedError: at `"construct"` or `"load_state"`.
    """
    try:
        target = code.make(*spec.args, **spec.kwargs)
    except BaseException as error:
        raise StepFailedError("construct", error) from error
    if saved is not None:
        try:
            load_state(target, copy.deepcopy(saved.state), types="loaded")
        except BaseException as error:
            raise StepFailedError("load_state", error) from error
    return target


def migrated(code: LoadedCode, saved: SavedState) -> SavedState:
    """Bring a state to another version, by `code_change(old_version, state)` of the new class if it has one.

    Raises:
        StepFailedError: at `"code_change"`.
    """
    change = getattr(code.make, "code_change", None)
    if saved.version == code.version or change is None:
        return SavedState(code.version, saved.state)
    try:
        state = change(saved.version.version, copy.deepcopy(saved.state))
        return SavedState(code.version, copy.deepcopy(state))
    except BaseException as error:
        raise StepFailedError("code_change", error) from error

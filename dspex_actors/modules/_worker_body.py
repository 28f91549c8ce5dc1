"""An object of a module in a sandboxed session: its code runs there, and only plain data crosses.

The session of an object is its own. Code, `code_change` and the object's methods run in it; what a method
returns or raises comes back as data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dspex_actors._errors import ConfigError, DspexError, ValueEncodeError
from dspex_actors._execution import Completed
from dspex_actors.modules._bodies import Built, check_method
from dspex_actors.modules._objects import SavedState, StepFailedError
from supervisors import Refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dspex_actors._guest_session import GuestSession, OpenSession
    from dspex_actors.modules._catalog import LoadedCode
    from dspex_actors.modules._spec import ModuleSpec
    from dspex_actors.modules._version_table import ModuleVersion

_OWN: Final = "hasattr(type(dspex_object), 'dump_state') and hasattr(type(dspex_object), 'load_state')"
_DUMP: Final = f"dspex_object.dump_state() if {_OWN} else dict(vars(dspex_object))"
_LOAD: Final = f"""
if {_OWN}:
    dspex_object.load_state(dspex_state)
else:
    vars(dspex_object).clear()
    vars(dspex_object).update(dspex_state)
del dspex_state
None
"""
_CHANGE: Final = """
if hasattr({make}, "code_change"):
    dspex_state = {make}.code_change(dspex_old, dspex_state)
dspex_state
"""
_CONSTRUCT: Final = "dspex_object = {make}(*dspex_args, **dspex_kwargs)\nNone"
_CALL: Final = (
    "(True, {called}(*dspex_args, **dspex_kwargs))"
    " if callable(getattr(dspex_object, {method!r}, None)) else (False, type(dspex_object).__name__)"
)


class WorkerBody:
    """An object in a session.

    Args:
        session: where it is, under the name `dspex_object`.
        version: of the code it was made of.
    """

    def __init__(self, session: GuestSession, version: ModuleVersion) -> None:
        self._session = session
        self._version = version
        self._lost = False

    @property
    def version(self) -> ModuleVersion:
        """Of the code it was made of."""
        return self._version

    @property
    def lost(self) -> bool:
        """Whether the session lost its variables, the object among them, to a call that was killed."""
        return self._lost

    def call(self, method: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- the method's
        """Call a method.

        Raises:
            Refuse: there is no such method, or an argument cannot cross.
            GuestError: the method raised, or exceeded a limit; the error says what.
            SessionClosedError: the session has ended.
        """
        check_method(method)
        called = "dspex_object" if method == "__call__" else f"dspex_object.{method}"
        try:
            result = self._session.execute(
                _CALL.format(called=called, method=method),
                variables={"dspex_args": args, "dspex_kwargs": dict(kwargs)},
            )
        except ValueEncodeError as error:
            raise Refuse(error) from error
        self._lost = result.session is not None and result.session.fate == "lost"
        known, value = result.unwrap()
        if not known:
            raise Refuse(ConfigError("method", method, f"the name of a method of {value}"))
        return value

    def dump(self) -> SavedState:
        """Take its state: what its `dump_state` says, else its attributes; plain data in either case.

        Raises:
            StepFailedError: at `"dump_state"`.
        """
        return SavedState(self._version, _run(self._session, "dump_state", _DUMP))

    def close(self) -> None:
        """End the session."""
        self._session.close()


def build_in_worker(
    open_session: OpenSession, code: LoadedCode, spec: ModuleSpec, saved: SavedState | None
) -> Built:
    """Make an object in a new session, of the state of this or another version.

    Raises:
        StepFailedError: at `"execute"`, `"code_change"`, `"construct"` or `"load_state"`.
    """
    try:
        session = open_session(spec.policy, spec.limits)
    except DspexError as error:
        raise StepFailedError("execute", error) from error
    try:
        return _built(session, code, spec, saved)
    except BaseException:
        session.close()
        raise


def _built(session: GuestSession, code: LoadedCode, spec: ModuleSpec, saved: SavedState | None) -> Built:
    source, make = code.sources[code.home].decode(), spec.attribute
    _run(session, "execute", f"{source}\nNone\n")
    if saved is not None and saved.version != code.version:
        variables = {"dspex_old": saved.version.version, "dspex_state": saved.state}
        state = _run(session, "code_change", _CHANGE.format(make=make), variables)
        saved = SavedState(code.version, state)
    arguments = {"dspex_args": spec.args, "dspex_kwargs": dict(spec.kwargs)}
    _run(session, "construct", _CONSTRUCT.format(make=make), arguments)
    if saved is not None:
        _run(session, "load_state", _LOAD, {"dspex_state": saved.state})
    return Built(WorkerBody(session, code.version), saved)


def _run(session: GuestSession, step: str, code: str, variables: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 -- plain data
    try:
        result = session.execute(code, variables=variables or {})
        if isinstance(result, Completed):
            return result.value
        return result.unwrap()
    except DspexError as error:
        raise StepFailedError(step, error) from error

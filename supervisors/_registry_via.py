"""A name in a unique registry as an address, and as the name of an actor that is being started."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from supervisors._actor import GenActor
from supervisors._boot import Boot, End
from supervisors._child_spec import ChildSpec, Start
from supervisors._errors import NameTakenError, StartError
from supervisors._reasons import Shutdown
from supervisors._strict_key import strict
from supervisors._via import Via

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from supervisors._address import Address
    from supervisors._pid import Pid
    from supervisors._registry import Registry
    from supervisors._system import System
    from supervisors._types import Argument

_CLAIMED = "the name to claim"  # a keyword that no `init` can have; positions change with `extra_arguments`


@dataclass(frozen=True, slots=True)
class AlreadyStarted:
    """Detail of the `Shutdown` of an actor that found its name taken; both as text."""

    name: str
    owner: str


class RegistryVia(Via):
    """The address `registry.via(key)`, also a name to start an actor under.

        with names.via("cache").start(Cache, 100): ...
        Supervisor.start([names.child_spec(), names.via("cache").named(Cache.child_spec(100))])

    The actor claims the name in its own thread, before its `init`, and holds it until it ends. Equal when
    registry and key are. While the registry is not running, everything but `cast` raises
    `UnknownRegistryError`.
    """

    __slots__ = ("_registry", "_value")

    def __init__(self, registry: Registry, key: Hashable, value: Argument) -> None:
        super().__init__(key)
        self._registry = registry
        self._value = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RegistryVia):
            return False
        return self._registry is other._registry and strict(self._key) == strict(other._key)

    def __hash__(self) -> int:
        return hash((id(self._registry), strict(self._key)))

    @property
    def name(self) -> str:
        """The registry's name and the key, for people."""
        return f"{self._registry.name}/{self._key}"

    @property
    def system(self) -> System:
        """That of the registry.

        Raises:
            UnknownRegistryError: the registry is not running.
        """
        return self._registry.state.system

    def find(self) -> Pid | None:
        """Return the actor that has the name now; None if there is none.

        Raises:
            UnknownRegistryError: the registry is not running.
        """
        return self._registry.whereis(self._key)

    def cast(self, message: Argument) -> None:
        """Send without a reply; never fails, also when the registry is not running."""
        if self._registry.alive:
            super().cast(message)

    def start(
        self,
        actor_class: type[GenActor],
        *args: Argument,
        system: System | None = None,
        start_timeout_s: float | None = None,
        **kwargs: Argument,
    ) -> Address:
        """Start an actor under this name, outside any tree; see `GenActor.start`.

        Raises:
            NameTakenError: another one has the name; it is the error's `owner`.
            StartError: the actor did not start.
        """
        options = {**kwargs, _CLAIMED: self, "name": self.name, "start_timeout_s": start_timeout_s}
        with self._telling_who_has_it():
            return named_class(actor_class).start(*args, system=system, **options)

    def start_link(
        self,
        actor_class: type[GenActor],
        *args: Argument,
        start_timeout_s: float | None = None,
        **kwargs: Argument,
    ) -> Address:
        """Start an actor under this name, linked to the calling actor; see `GenActor.start_link`.

        Raises:
            NameTakenError: another one has the name; it is the error's `owner`. No `Exit` follows.
            NotAnActorError: the calling thread is no actor's.
            StartError: the actor did not start.
        """
        options = {**kwargs, _CLAIMED: self, "name": self.name, "start_timeout_s": start_timeout_s}
        with self._telling_who_has_it():
            return named_class(actor_class).start_link(*args, **options)

    @contextmanager
    def _telling_who_has_it(self) -> Iterator[None]:
        try:
            yield
        except StartError as error:
            if isinstance(error.reason, Shutdown) and isinstance(error.reason.detail, AlreadyStarted):
                raise NameTakenError(self._registry.name, self._key, self.pid) from None
            raise

    def named(self, spec: ChildSpec) -> ChildSpec:
        """Return the spec of a child that has this name in each of its incarnations.

        When the name is taken the start fails with `Shutdown(AlreadyStarted(...))`.
        """
        start = spec.start
        kwargs = {**start.kwargs, _CLAIMED: self}
        return replace(spec, start=Start(named_class(start.actor_class), start.args, kwargs))

    def claim(self, pid: Pid) -> None:
        """Register a starting actor; called in its thread.

        Raises:
            NameTakenError: another one has the name.
            UnknownRegistryError: the registry is not running.
        """
        self._registry.register_pid(pid, self._key, self._value)


class _Named(GenActor):
    """Mixed into an actor's class: one argument of a start is the name it claims before `init`."""

    def _begin(self, boot: Boot) -> Callable[[], Any] | End | None:
        boot.kwargs = dict(boot.kwargs)
        via = boot.kwargs.pop(_CLAIMED)
        try:
            via.claim(self.pid)
        except NameTakenError as taken:
            if self._parent_pid is not None:
                self.unlink(self._parent_pid)
            return End(Shutdown(AlreadyStarted(via.name, repr(taken.owner))), orderly=False)
        return super()._begin(boot)


def named_class(actor_class: type[GenActor]) -> type[GenActor]:
    """Return the subclass that claims a name; made once and kept on the class, so that both live as long."""
    known: type[GenActor] | None = vars(actor_class).get("_named_class")
    if known is None:
        names = {name: getattr(actor_class, name) for name in ("__module__", "__qualname__", "__doc__")}
        known = type(actor_class.__name__, (_Named, actor_class), names)
        actor_class._named_class = known  # type: ignore[attr-defined]  # noqa: SLF001 -- see above
    return known

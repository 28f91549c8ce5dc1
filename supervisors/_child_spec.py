"""What a supervisor knows about a child before it starts it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from supervisors._backoff import Backoff
from supervisors._errors import ChildSpecError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    from supervisors._actor import GenActor

WORKER_SHUTDOWN_S = 5.0
MAX_ABANDONED = 3  # threads; arbitrary: each holds its stack and what it works on until the program ends

_Option = TypeVar("_Option", bound=Enum)


class Restart(Enum):
    """Which exits a child is started again after."""

    PERMANENT = "permanent"  # every exit
    TRANSIENT = "transient"  # abnormal exits only
    TEMPORARY = "temporary"  # none, also not when a sibling's exit stopped it


class ChildType(Enum):
    """What a child is; it decides how long it may take to stop."""

    WORKER = "worker"
    SUPERVISOR = "supervisor"


class Strategy(Enum):
    """Which siblings share the fate of a child that is restarted."""

    ONE_FOR_ONE = "one_for_one"  # none
    ONE_FOR_ALL = "one_for_all"  # all
    REST_FOR_ONE = "rest_for_one"  # those started after it


class AutoShutdown(Enum):
    """Which ends of significant children end their supervisor, with `SHUTDOWN`.

    An end counts when the child is not started again and nobody has asked for it: neither `terminate_child`
    nor the exit of a sibling.
    """

    NEVER = "never"  # none; there may be no significant children
    ANY_SIGNIFICANT = "any_significant"  # each
    ALL_SIGNIFICANT = "all_significant"  # that of the last one that was left


def choose(kind: type[_Option], value: _Option | str, field_name: str) -> _Option:
    """Turn a string into a member of an Enum.

    Raises:
        ChildSpecError: `value` is neither a member nor the value of one; the message lists those.
    """
    if isinstance(value, kind):
        return value
    try:
        return kind(value)
    except ValueError:
        allowed = ", ".join(repr(member.value) for member in kind)
        msg = f"{field_name} is {value!r}; allowed are {allowed}"
        raise ChildSpecError(msg) from None


@dataclass(frozen=True, slots=True)
class Start:
    """How a child is made: the class, and the arguments its `init` gets in the child's own thread."""

    actor_class: type[GenActor]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How one child is started, restarted and stopped.

    Args:
        id: unique among the children of one supervisor; hashable. A `DynamicSupervisor` ignores it.
        start: class and arguments.
        restart: a `Restart` or its string.
        shutdown_s: seconds the child has to stop when it is asked to. None means 5 for a worker and no
            limit for a supervisor; 0 kills at once; `math.inf` waits for ever.
        type: a `ChildType` or its string.
        significant: whether its end may end its supervisor, see `AutoShutdown`; not with `permanent`.
        start_timeout_s: seconds `init` may take; None means no limit.
        speaker: ids leading from this child down to the actor that speaks for it: `supervisor.child(id)`
            is then the address of that actor.

    Raises:
        ChildSpecError: a field is wrong.
    """

    id: Hashable
    start: Start
    restart: Restart = Restart.PERMANENT
    shutdown_s: float | None = None
    type: ChildType = ChildType.WORKER
    significant: bool = False
    start_timeout_s: float | None = None
    speaker: tuple[Hashable, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "restart", choose(Restart, self.restart, "restart"))
        object.__setattr__(self, "type", choose(ChildType, self.type, "type"))
        object.__setattr__(self, "speaker", tuple(self.speaker))
        try:
            hash(self.id)
        except TypeError:
            msg = f"id is {self.id!r}; it must be hashable"
            raise ChildSpecError(msg) from None
        if not isinstance(self.start, Start) or not hasattr(self.start.actor_class, "child_spec"):
            msg = f"start is {self.start!r}; it must be Start(actor_class, args, kwargs) with an actor class"
            raise ChildSpecError(msg)
        for name in ("shutdown_s", "start_timeout_s"):
            self._check_seconds(name, getattr(self, name))
        if not isinstance(self.significant, bool):
            msg = f"significant is {self.significant!r}; it must be True or False"
            raise ChildSpecError(msg)
        if self.significant and self.restart is Restart.PERMANENT:
            msg = (
                f"child {self.id!r} has significant=True and restart='permanent', which is always started "
                "again; make it 'transient' or 'temporary'"
            )
            raise ChildSpecError(msg)

    @staticmethod
    def _check_seconds(name: str, value: object) -> None:
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
            msg = (
                f"{name} is {value!r}; it must be None or a number of seconds >= 0 (math.inf waits for ever)"
            )
            raise ChildSpecError(msg)

    @property
    def shutdown_limit_s(self) -> float:
        """Seconds until the child is killed, the default filled in; may be `math.inf`."""
        if self.shutdown_s is not None:
            return self.shutdown_s
        return math.inf if self.type is ChildType.SUPERVISOR else WORKER_SHUTDOWN_S

    def without_arguments(self) -> ChildSpec:
        """Return the spec of a started temporary child: its arguments will not be needed again."""
        return replace(self, start=Start(self.start.actor_class))


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorFlags:
    """How a supervisor treats its children.

    Args:
        strategy: a `Strategy` or its string.
        intensity: restarts allowed within `period`; one incident counts once.
        period: length of the window in whole seconds, inclusive, >= 1.
        auto_shutdown: an `AutoShutdown` or its string.
        backoff: the wait before a restart; None, OTP's way, restarts at once.
        max_abandoned: how many threads of children it had to kill may still be there, >= 0; with one more it
            stops its children and exits with `SHUTDOWN`, as beyond its intensity. None means no limit.

    Raises:
        ChildSpecError: a field is wrong.
    """

    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: int = 3
    period: int = 5
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER
    backoff: Backoff | None = None
    max_abandoned: int | None = MAX_ABANDONED

    def __post_init__(self) -> None:
        object.__setattr__(self, "strategy", choose(Strategy, self.strategy, "strategy"))
        chosen = choose(AutoShutdown, self.auto_shutdown, "auto_shutdown")
        object.__setattr__(self, "auto_shutdown", chosen)
        if self.backoff is not None and not isinstance(self.backoff, Backoff):
            raise ChildSpecError(f"backoff is {self.backoff!r}; it must be None or Backoff(...)")
        most = self.max_abandoned
        if most is not None and (type(most) is not int or most < 0):
            raise ChildSpecError(f"max_abandoned is {most!r}; it must be None or a whole number >= 0")
        for name, least in (("intensity", 0), ("period", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                msg = f"{name} is {value!r}; it must be a whole number >= {least}"
                raise ChildSpecError(msg)


@dataclass(frozen=True, slots=True)
class SupervisorInit:
    """What the `init` of a supervisor returns.

    Raises:
        ChildSpecError: a part is of the wrong type, two children have one id, or one is significant although
            the flags say `never`.
    """

    flags: SupervisorFlags
    children: tuple[ChildSpec, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.flags, SupervisorFlags):
            raise ChildSpecError(f"flags are {self.flags!r}; expected SupervisorFlags(...)")
        object.__setattr__(self, "children", check_child_specs(self.children, self.flags.auto_shutdown))


def check_child_spec(spec: ChildSpec) -> ChildSpec:
    """Return the spec, if it is one.

    Raises:
        ChildSpecError: it is something else; the message says how to make one.
    """
    if not isinstance(spec, ChildSpec):
        msg = f"start_child got {spec!r}; expected a ChildSpec, see Actor.child_spec(...)"
        raise ChildSpecError(msg)
    return spec


def check_significance(spec: ChildSpec, auto_shutdown: AutoShutdown) -> None:
    """Refuse a significant child of a supervisor that would take no notice of its end.

    Raises:
        ChildSpecError: it is one.
    """
    if spec.significant and auto_shutdown is AutoShutdown.NEVER:
        msg = (
            f"child {spec.id!r} has significant=True under auto_shutdown='never'; "
            "make that 'any_significant' or 'all_significant'"
        )
        raise ChildSpecError(msg)


def check_child_specs(
    specs: Iterable[ChildSpec], auto_shutdown: AutoShutdown = AutoShutdown.NEVER
) -> tuple[ChildSpec, ...]:
    """Check a whole list before anything is started.

    Raises:
        ChildSpecError: it is no list, an entry is no ChildSpec, two have one id, or one is significant under
            `never`.
    """
    if not hasattr(specs, "__iter__"):
        raise ChildSpecError(f"children are {specs!r}; expected a list of ChildSpec")
    checked = tuple(specs)
    seen: set[Hashable] = set()
    for spec in checked:
        if not isinstance(spec, ChildSpec):
            msg = f"children contain {spec!r}; expected ChildSpec, see Actor.child_spec(...)"
            raise ChildSpecError(msg)
        if spec.id in seen:
            msg = f"two children have the id {spec.id!r}"
            raise ChildSpecError(msg)
        check_significance(spec, auto_shutdown)
        seen.add(spec.id)
    return checked

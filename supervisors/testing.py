"""Tools for tests of supervised actors: a clock that is moved by hand, events, and actors that misbehave.

    clock = ManualClock()
    tree = Supervisor.start([Misbehaving.child_spec(id="a")], system=clock.system())
    clock.advance(5)

Nothing here sleeps or polls; every wait is for an event, with a ceiling of 5 s that only a failing test sees.
"""

from __future__ import annotations

import threading
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from supervisors._boot import NO_REPLY, Stop
from supervisors._gen_server import IGNORE, GenServer
from supervisors._pid import Pid
from supervisors._system import System

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from supervisors._address import Address
    from supervisors._future import Sender
    from supervisors._reasons import ExitReason
    from supervisors._types import Message, Reply

CEILING_S: Final = 5.0


class ManualTimer:
    """One timer of a `ManualClock`."""

    def __init__(self, callback: Callable[[], object]) -> None:
        self._pending = [callback]

    @property
    def pending(self) -> bool:
        """Whether it can still fire."""
        return bool(self._pending)

    def cancel(self) -> bool:
        """Disarm; False when it has fired or was cancelled."""
        return self._take() is not None

    def fire(self) -> None:
        """Run the callback unless that has happened or it was cancelled."""
        callback = self._take()
        if callback is not None:
            callback()

    def _take(self) -> Callable[[], object] | None:
        try:
            return self._pending.pop()
        except IndexError:
            return None


class ManualClock:
    """Clock and timers in one: time stands still until `advance`, which runs what is due by itself."""

    def __init__(self, start: float = 1000.0) -> None:
        self._now = start
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, ManualTimer]] = []
        self._serial = count()

    def system(self) -> System:
        """Return a `System` on this clock."""
        return System(clock=self, timers=self)

    def now(self) -> float:
        """Return the time it was moved to."""
        return self._now

    def arm(self, seconds: float, callback: Callable[[], object]) -> ManualTimer:
        """Run `callback` in the `advance` that reaches this time."""
        timer = ManualTimer(callback)
        with self._changed:
            heappush(self._heap, (self._now + seconds, next(self._serial), timer))
            self._changed.notify_all()
        return timer

    def close(self) -> None:
        """Forget all timers."""
        with self._changed:
            self._heap.clear()

    def advance(self, seconds: float) -> None:
        """Move the time and run what has become due, in order of time."""
        with self._changed:
            self._now += seconds
        while True:
            with self._changed:
                if not self._heap or self._heap[0][0] > self._now:
                    return
                timer = heappop(self._heap)[2]
            timer.fire()

    def wait_armed(self, least: int = 1) -> None:
        """Wait until that many timers are pending, as when an actor is about to wait for one.

        Raises:
            TimeoutError: there were not, for 5 s.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._pending() >= least, CEILING_S):
                msg = f"{self._pending()} timers armed after {CEILING_S:g} s; waited for {least}"
                raise TimeoutError(msg)

    def _pending(self) -> int:
        return sum(timer.pending for _, _, timer in self._heap)


class Journal:
    """What happened, in order, from any thread; `wait_for` an entry instead of sleeping."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._entries: list[Any] = []

    def add(self, entry: Any) -> None:  # noqa: ANN401 -- whatever the test compares with
        """Note one thing."""
        with self._changed:
            self._entries.append(entry)
            self._changed.notify_all()

    def entries(self) -> list[Any]:
        """Return what was noted so far."""
        with self._changed:
            return list(self._entries)

    def clear(self) -> None:
        """Forget everything."""
        with self._changed:
            self._entries.clear()

    def wait_for(self, entry: Any, times: int = 1) -> None:  # noqa: ANN401 -- as in add
        """Wait until `entry` was noted that many times.

        Raises:
            TimeoutError: it was not, for 5 s.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._entries.count(entry) >= times, CEILING_S):
                msg = f"no {entry!r} x {times} in {self._entries!r} after {CEILING_S:g} s"
                raise TimeoutError(msg)


class Events:
    """Telemetry of one system, kept in a `Journal` as `(event, metadata)`."""

    def __init__(self, system: System, event: str = "*") -> None:
        self.names = Journal()
        self._seen: list[tuple[str, Mapping[str, Any]]] = []
        self.detach = system.telemetry.attach(event, self._note)

    def _note(self, event: str, measurements: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:  # noqa: ARG002 -- a handler's signature
        self._seen.append((event, metadata))
        self.names.add(event)

    def of(self, event: str) -> list[Mapping[str, Any]]:
        """Return the metadata of one kind of event, in order."""
        return [metadata for name, metadata in self._seen if name == event]


def wait_exit(target: Address | Pid) -> ExitReason:
    """Wait until an actor has ended.

    Args:
        target: of an Address the incarnation it stands for now.

    Returns:
        Why it ended.

    Raises:
        TimeoutError: it was alive after 5 s, or the address stood for none.
    """
    pid = target if isinstance(target, Pid) else target.find()
    reason = pid.wait_exit(CEILING_S) if pid is not None else None
    if reason is None:
        msg = f"{target!r} had not ended after {CEILING_S:g} s"
        raise TimeoutError(msg)
    return reason


def wait_restarted(address: Address, old: Pid) -> Pid:
    """Wait until `address` stands for another incarnation than `old`, and return that.

    Raises:
        TimeoutError: it did not, for 5 s.
    """
    wait_exit(old)
    address.wait_available(CEILING_S)
    pid = address.pid
    if pid is None or pid is old:
        msg = f"{address!r} was not restarted within {CEILING_S:g} s"
        raise TimeoutError(msg)
    return pid


class Misbehaving(GenServer):
    """A child that does what its arguments and its messages say.

    Args of `init`:
        journal: notes ("init", name), ("terminate", name, reason), and info and cast with name and message.
        name: in the journal.
        on_init: called in `init` with the generation; may raise, block, or return what `init` is to return.
        on_terminate: called in `terminate` with the reason.

    Messages of `call`: `("raise", error)`, `("stop", reason)`, `("block", entered, release)` with two events,
    `("hold",)` never answers, `("do", function)` returns `function(server, sender)`, anything else is echoed.
    The same by `cast`; what is not known is noted.
    """

    def init(  # noqa: D102 -- see the class
        self,
        journal: Journal | None = None,
        name: str = "child",
        *,
        on_init: Callable[[int], Any] | None = None,
        on_terminate: Callable[[ExitReason], object] | None = None,
        trap_exit: bool = False,
    ) -> Reply:
        self.journal = journal or Journal()
        self.name = name
        self.on_terminate = on_terminate
        self.trap_exit = trap_exit
        self.journal.add(("init", name))
        return on_init(self.pid.generation) if on_init is not None else None

    def handle_call(self, message: Message, sender: Sender) -> Reply:  # noqa: D102 -- see the class
        known, outcome = self._obey(message, sender)
        return outcome if known else message

    def handle_cast(self, message: Message) -> Reply:  # noqa: D102 -- see the class
        known, outcome = self._obey(message, None)
        if not known:
            self.journal.add(("cast", self.name, message))
        return outcome if isinstance(outcome, Stop) else None

    def handle_info(self, message: Message) -> Reply:  # noqa: D102 -- see the class
        self.journal.add(("info", self.name, message))

    def terminate(self, reason: ExitReason) -> None:  # noqa: D102 -- see the class
        self.journal.add(("terminate", self.name, reason))
        if self.on_terminate is not None:
            self.on_terminate(reason)

    def _obey(self, message: Message, sender: Sender | None) -> tuple[bool, Any]:
        match message:
            case ("raise", error):
                raise error
            case ("stop", reason):
                return True, Stop(reason)
            case ("block", entered, release):
                entered.set()
                release.wait()
                return True, "released"
            case ("hold",):
                return True, NO_REPLY
            case ("do", function):
                return True, function(self, sender)
        return False, None


def ignore_first(generation: int) -> object:
    """Return `IGNORE` from the first start only; an `on_init` for `Misbehaving`."""
    return IGNORE if generation == 1 else None


def fail_later(generation: int) -> None:
    """Start well once and fail every start after that; an `on_init` for `Misbehaving`.

    Raises:
        RuntimeError: at every start but the first.
    """
    if generation > 1:
        msg = "does not start again"
        raise RuntimeError(msg)

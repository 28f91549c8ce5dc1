"""Moments of one call, noted by whichever process and thread passes them, in a page that all of them share.

The clock is one for all processes of a machine. A stamp costs about 0.3 us, which is part of what it
measures. Functions are wrapped from outside, so that the library carries nothing for this. A worker inherits
the page from its zygote, which maps it before it closes itself in.
"""

from __future__ import annotations

import mmap
from contextlib import contextmanager
from itertools import pairwise
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Points = Sequence[tuple[Any, str, str]]

_MOST = 64  # names; a page holds more

# What a zygote runs before its own first line.
_PRELUDE = (
    "sys.path.append({folder!r}); from _stamps import mark_guest; "
    "mark_guest({path!r}); sys.path.remove({folder!r}); "
)


class Stamps:
    """Points in time by name; a second pass overwrites the first.

    Args:
        path: file that all processes map.
        names: of the points, in the same order in all processes.
    """

    def __init__(self, path: str, names: Sequence[str]) -> None:
        assert len(names) <= _MOST  # noqa: S101 -- a fault of this bench
        with open(path, "r+b") as file:  # noqa: PTH123 -- a zygote does without pathlib
            self._page = memoryview(mmap.mmap(file.fileno(), 8 * _MOST)).cast("q")
        self._places = {name: place for place, name in enumerate(names)}

    def note(self, name: str) -> None:
        """Note that this point is passed now."""
        self._page[self._places[name]] = perf_counter_ns()

    def wrap(self, points: Points) -> None:
        """Have functions note when they begin and when they end.

        Args:
            points: owner of a function, its name there, and the name of its points, which are that name and
                `>` before the call, and `<` after it.
        """
        for owner, attribute, name in points:
            setattr(owner, attribute, self._noting(getattr(owner, attribute), name))

    def _noting(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        page, before, after = self._page, self._places[f"{name}>"], self._places[f"{name}<"]

        def noting(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- any function
            page[before] = perf_counter_ns()
            try:
                return function(*args, **kwargs)
            finally:
                page[after] = perf_counter_ns()

        return noting

    def clear(self) -> None:
        """Forget all points."""
        for place in range(_MOST):
            self._page[place] = 0

    def parts(self, begin: str, order: Sequence[tuple[str, str]]) -> dict[str, float]:
        """Return the milliseconds of each part; nothing if anything came between, such as the next spare.

        Args:
            begin: the point where all begins.
            order: the point where a part ends, and the part's name.
        """
        moments = [self._page[self._places[point]] for point in (begin, *(point for point, _ in order))]
        if not all(0 < earlier <= later for earlier, later in pairwise(moments)):
            return {}
        ends = zip(order, pairwise(moments), strict=True)
        return {part: (end - begun) / 1e6 for (_, part), (begun, end) in ends}


def _both(points: Points) -> list[str]:
    return [f"{name}{side}" for _, _, name in points for side in "><"]


def host_points() -> Points:
    """Return what is wrapped in the host."""
    from dspex_actors.executors._executor import PythonExecutor  # noqa: PLC0415 -- a zygote does without
    from dspex_actors.executors._session_actor import SessionActor  # noqa: PLC0415 -- as above
    from dspex_actors.executors._worker_actor import WorkerActor  # noqa: PLC0415 -- as above
    from dspex_actors.workers import _framing  # noqa: PLC0415 -- as above
    from dspex_actors.workers._process import WorkerProcess  # noqa: PLC0415 -- as above
    from supervisors._future import CallFuture  # noqa: PLC0415 -- as above
    from supervisors._pid import Pid  # noqa: PLC0415 -- as above

    return (
        (Pid, "call", "pid call"),
        (PythonExecutor, "handle_call", "executor"),
        (SessionActor, "handle_call", "session"),
        (WorkerActor, "handle_call", "worker actor"),
        (WorkerProcess, "wait_ready", "wait ready"),
        (_framing, "send_frame", "host send"),
        (_framing.FrameReader, "_fill", "host fill"),
        (CallFuture, "reply", "reply"),
    )


def guest_points() -> Points:
    """Return what is wrapped in the zygote and its workers."""
    from dspex_actors.workers import _framing, _protocol, _slots  # noqa: PLC0415 -- the host does without
    from dspex_actors.workers.confine import _enter, _landlock, _libc, _limits, _seccomp  # noqa: PLC0415 -- as above
    from dspex_actors.workers.guest import _loop, _python  # noqa: PLC0415 -- as above

    return (
        (_protocol, "receive_with_fds", "spawn received"),
        (_slots.Slots, "take", "slot"),
        (_slots.Slots, "fork", "fork"),
        (_enter.Confinement, "enter", "enter"),
        (_enter, "_arrange_descriptors", "descriptors"),
        (_libc, "drop_capabilities", "capabilities"),
        (_landlock, "restrict_self", "landlock"),
        (_seccomp.Filter, "load", "seccomp"),
        (_limits, "apply_limits", "limits"),
        (_python.PythonEngine, "compile", "compile"),
        (_loop.Worker, "_get_ready", "warm up"),
        (_loop.Worker, "_say_ready", "say ready"),
        (_python, "run", "guest run"),
        (_framing, "send_frame", "guest send"),
        (_framing.FrameReader, "_fill", "guest fill"),
    )


_OWN = ("called", "returned")
_HOST = "pid call", "executor", "session", "worker actor", "wait ready", "host send", "host fill", "reply"


def _names() -> list[str]:
    sides = [f"{name}{side}" for name in _HOST for side in "><"]
    return [*_OWN, *sides, *_both(guest_points())]


def mark_guest(path: str) -> None:
    """Wrap what zygote and workers run. Called in a zygote before it starts."""
    Stamps(path, _names()).wrap(guest_points())


@contextmanager
def stamped() -> Iterator[Stamps]:
    """Wrap what the host runs, and have every zygote that is started within wrap its own."""
    import tempfile  # noqa: PLC0415 -- a zygote does without
    from pathlib import Path  # noqa: PLC0415 -- as above

    from dspex_actors.workers import _spawn  # noqa: PLC0415 -- as above

    folder = str(Path(__file__).resolve().parent)
    with tempfile.NamedTemporaryFile(prefix="bench-stamps-") as file:
        file.truncate(8 * _MOST)
        names = _names()
        assert list(_HOST) == [name for _, _, name in host_points()]  # noqa: S101 -- a fault of this bench
        stamps = Stamps(file.name, names)
        stamps.wrap(host_points())
        head, rest = _spawn._BOOTSTRAP.split("from ", 1)  # noqa: SLF001 -- there is no other door, on purpose
        _spawn._BOOTSTRAP = head + _PRELUDE.format(folder=folder, path=file.name) + "from " + rest  # noqa: SLF001 -- as above
        yield stamps

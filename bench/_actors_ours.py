"""Our actors and supervisors, as a competitor of supervisors.py."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from _actors_shared import (
    CALLS,
    CASTS,
    CRASHES,
    PLENTY,
    STARTS,
    each,
    herds,
    import_ms,
    rate,
    starts_of,
)
from _table import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _actors_shared import Cases


def our_classes() -> Any:  # noqa: ANN401 -- classes made here, so that nobody else pays the import
    from supervisors import DynamicSupervisor, GenServer, Supervisor  # noqa: PLC0415 -- each competitor loads its own library only

    class Echo(GenServer):
        def init(self, born: Callable[[], object] | None = None) -> None:
            if born is not None:
                born()

        def handle_call(self, message: Any, sender: Any) -> Any:  # noqa: ANN401, ARG002 -- the signature of a hook
            return message

        def handle_cast(self, message: Any) -> None:  # noqa: ANN401 -- as above
            if message is not None:
                message()

    return Echo, Supervisor, DynamicSupervisor


@contextmanager
def ours() -> Iterator[Cases]:
    """Run actors of `supervisors`."""
    echo_class, supervisor, dynamic = our_classes()
    born, done = threading.Event(), threading.Event()

    def fail() -> None:
        raise RuntimeError

    with (
        echo_class.start() as echo,
        supervisor.start([echo_class.child_spec(born.set, id="echo")], intensity=PLENTY) as tree,
        dynamic.start() as pool,
    ):
        child = tree.child("echo")

        def casts() -> float:
            done.clear()
            begun = perf_counter_ns()
            for _ in range(CASTS):
                echo.cast(None)
            echo.cast(done.set)
            done.wait()
            return rate(begun)

        def starts() -> list[dict[str, float]]:
            spec, children, alone = echo_class.child_spec(restart="temporary"), [], []
            supervised = each(STARTS, lambda: children.append(pool.start_child(spec)))
            free = each(STARTS, lambda: alone.append(echo_class.start()))
            for address in children:
                pool.terminate_child(address)
            for address in alone:
                address.stop()
            return starts_of(supervised, free)

        def crash() -> None:
            born.clear()
            child.cast(fail)
            born.wait()

        def crashes() -> list[float]:
            figures = []
            for _ in range(CRASHES):
                child.wait_available()
                figures += each(1, crash)
            return figures

        yield {
            "call": lambda: each(CALLS, lambda: echo.call(None)),
            "casts a second": casts,
            "start": starts,
            "crash to replacement": crashes,
            "import": lambda: import_ms("from supervisors import GenServer, Supervisor"),
            **herds(OURS),
        }

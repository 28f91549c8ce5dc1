"""pykka's own actors, as a competitor of supervisors.py; one that fails starts its successor itself."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from _actors_shared import (
    CALLS,
    CASTS,
    CRASHES,
    PYKKA,
    STARTS,
    each,
    herds,
    import_ms,
    rate,
    starts_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _actors_shared import Cases


def pykka_class() -> Any:  # noqa: ANN401 -- as above
    import pykka  # noqa: PLC0415 -- as above

    class Echo(pykka.ThreadingActor):
        use_daemon_thread = True

        def on_receive(self, message: Any) -> Any:  # noqa: ANN401 -- as above
            return message() if callable(message) else message

    return Echo


@contextmanager
def stock_pykka() -> Iterator[Cases]:
    """Run pykka's own actors; one that fails starts its successor itself."""
    echo_class = pykka_class()
    born, done, now = threading.Event(), threading.Event(), []

    class Phoenix(echo_class):
        def on_start(self) -> None:
            now[:] = [self.actor_ref]
            born.set()

        def on_failure(self, *_: object) -> None:
            Phoenix.start()

    def fail() -> None:
        raise RuntimeError

    echo = echo_class.start()
    Phoenix.start()

    def casts() -> float:
        done.clear()
        begun = perf_counter_ns()
        for _ in range(CASTS):
            echo.tell(None)
        echo.tell(done.set)
        done.wait()
        return rate(begun)

    def starts() -> list[dict[str, float]]:
        started: list[Any] = []

        def start() -> None:
            started.append(echo_class.start())
            started[-1].ask(None)  # start() does not wait until the actor serves

        figures = each(STARTS, start)
        for ref in started:
            ref.stop()
        return starts_of(None, figures)

    def crash() -> None:
        born.clear()
        now[0].tell(fail)
        born.wait()

    yield {
        "call": lambda: each(CALLS, lambda: echo.ask(None)),
        "casts a second": casts,
        "start": starts,
        "crash to replacement": lambda: each(CRASHES, crash),
        "import": lambda: import_ms("import pykka"),
        **herds(PYKKA),
    }
    now[0].stop()
    echo.stop()

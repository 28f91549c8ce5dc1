"""SIGTERM and SIGINT as requests to close a runtime; only when asked for."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any

from dspex_actors._errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class SignalWatch:
    """Calls a function, on a thread of its own, at the first SIGTERM or SIGINT.

    It gives the handlers back then, or at the end.

    A second signal gets what it would have got without this.

    Args:
        on_signal: what to call.

    Raises:
        ConfigError: not in the main thread, where alone Python sets signal handlers.
    """

    def __init__(self, on_signal: Callable[[], object]) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise ConfigError("handle_signals", value=True, allowed="False outside the main thread")
        self._on_signal = on_signal
        self._over = False
        self._before: dict[int, Any] = {number: signal.signal(number, self._handle) for number in _SIGNALS}

    def _handle(self, number: int, frame: object) -> None:  # noqa: ARG002 -- the standard library's signature
        over, self._over = self._over, True
        self._restore()
        if over:  # it was over before this signal, but only the main thread, which runs this, can restore
            signal.raise_signal(number)
            return
        threading.Thread(target=self._on_signal, name="dspex-stop", daemon=True).start()

    def close(self) -> None:
        """Give the handlers back; off the main thread that happens when the next signal comes."""
        self._over = True
        if threading.current_thread() is threading.main_thread():
            self._restore()

    def _restore(self) -> None:
        before, self._before = self._before, {}
        for number, handler in before.items():
            signal.signal(number, handler)

"""How soon an endless loop ends after its limit, and how soon there is a next result; for `languages.py`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT_S = 0.2


def recovery(loop: Callable[[], object], following: Callable[[], object]) -> Callable[[], object]:
    """Return one run: how late the limit was, and how long the next result took."""

    def recover() -> dict[str, float]:
        begun = time.perf_counter()
        loop()
        error = time.perf_counter()
        following()
        done = time.perf_counter()
        return {"late": (error - begun - LIMIT_S) * 1e3, "next": (done - error) * 1e3}

    return recover

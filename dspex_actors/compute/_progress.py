"""What happens after each step of an optimisation: it is noted, shown, and told to the callback."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from dspex_actors.compute._methods import Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from dspex_actors.compute._parameters import Structure

_WIDTH = 24
_SHOWN_EVERY_S = 0.1  # more often no eye can follow


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Where an optimisation is.

    Attributes:
        iteration: steps made so far, from 1 on.
        params: the parameters now, nested as the initial ones.
        loss: of them.
        gradient_norm: largest part of the projected gradient; None for methods without gradients.
    """

    iteration: int
    params: Any
    loss: float
    gradient_norm: float | None


class Recorder:
    """Notes the steps of one optimisation.

    Args:
        structure: of the parameters.
        callback: called with each `Step`; True ends the optimisation.
        loss_tolerance: a change of the loss that ends it, or None.
        bar: shows the steps, or None.
    """

    def __init__(
        self,
        structure: Structure,
        callback: Callable[[Step], object] | None,
        loss_tolerance: float | None,
        bar: Bar | None,
    ) -> None:
        self._structure = structure
        self._callback = callback
        self._loss_tolerance = loss_tolerance
        self._bar = bar
        self.losses: list[float] = []
        self.norms: list[float] = []

    @property
    def iterations(self) -> int:
        """Steps made so far."""
        return max(0, len(self.losses) - 1)

    def begin(self, loss: float, norm: float | None) -> None:
        """Note where the search begins."""
        self._note(loss, norm)

    def step(self, vector: NDArray[np.float64], loss: float, norm: float | None) -> Ending | None:
        """Note a step; return why the search is to end, None if it is not."""
        before = self.losses[-1]
        self._note(loss, norm)
        if self._bar is not None:
            self._bar.show(self.iterations, loss, norm)
        if self._callback is not None:
            params = self._structure.build(vector.copy())
            told = self._callback(
                Step(iteration=self.iterations, params=params, loss=loss, gradient_norm=norm)
            )
            if told is True:
                return Ending.CALLBACK
        if self._loss_tolerance is not None and abs(before - loss) <= self._loss_tolerance:
            return Ending.LOSS_TOLERANCE
        return None

    def _note(self, loss: float, norm: float | None) -> None:
        self.losses.append(loss)
        if norm is not None:
            self.norms.append(norm)


class Bar:
    """One line on standard error that is written over: how far it is.

    Args:
        name: of what goes on.
        total: steps at most.
    """

    def __init__(self, name: str, total: int) -> None:
        self._name = name
        self._total = max(1, total)
        self._next = 0.0
        self._shown = False

    def show(self, iteration: int, loss: float, norm: float | None) -> None:
        """Show a step, if the last one was shown long enough ago."""
        now = time.monotonic()
        if now < self._next and iteration < self._total:
            return
        self._next, self._shown = now + _SHOWN_EVERY_S, True
        done = min(_WIDTH, _WIDTH * iteration // self._total)
        steepness = "" if norm is None else f"  gradient {norm:.3g}"
        bar = "#" * done + "." * (_WIDTH - done)
        text = f"{self._name} [{bar}] {iteration}/{self._total}  loss {loss:.6g}{steepness}"
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the last line where it is."""
        if self._shown:
            sys.stderr.write("\n")
            sys.stderr.flush()

"""What a runtime tells about itself: its sandbox, and its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dspex_actors._policy import ESSENTIAL_LAYERS

if TYPE_CHECKING:
    from dspex_actors.workers import LayerReport
    from supervisors import Abandoned, ExitReason


@dataclass(frozen=True, slots=True)
class SandboxReport:
    """Which protections of one policy are active, found out by trying to break each of them.

    Attributes:
        profile: name of the policy's profile.
        layers: one entry for each layer: `name`, `active`, `probe` (what was tried) and `detail` (what was
            seen).
        no_rollback: why a session cannot go back to an earlier state here; empty if it can.
    """

    profile: str
    layers: tuple[LayerReport, ...]
    no_rollback: str = ""

    @property
    def contained(self) -> bool:
        """Whether untrusted code is kept from the host: every essential layer is active."""
        active = {layer.name for layer in self.layers if layer.active}
        return active >= ESSENTIAL_LAYERS

    @property
    def missing(self) -> tuple[LayerReport, ...]:
        """The layers that are not active."""
        return tuple(layer for layer in self.layers if not layer.active)


@dataclass(frozen=True, slots=True)
class StopReport:
    """How a runtime ended.

    Attributes:
        drained: whether all the work under way was finished in time.
        killed: executions that were ended by the stop.
        abandoned: threads that would not end, those still in a tool included; they cannot be killed.
        processes_left: process ids that were not seen dead; empty unless something is badly wrong.
        duration_s: seconds the stop took.
        reason: why the tree ended.
    """

    drained: bool
    killed: int
    abandoned: tuple[Abandoned, ...]
    processes_left: tuple[int, ...]
    duration_s: float
    reason: ExitReason | None = None

    @property
    def clean(self) -> bool:
        """Whether nothing was left behind."""
        return not self.abandoned and not self.processes_left

"""A change of specs or limits in a running supervisor, after OTP's `code_change`: `init` is called again.

All or nothing: an error in `init`, a result that is none, and `IGNORE` leave everything as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supervisors._errors import Refuse
from supervisors._restarting import RestartingKeeper

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from supervisors._boot import Boot
    from supervisors._child_spec import ChildSpec
    from supervisors._children import Procedure
    from supervisors._types import Message


class ChangingKeeper(RestartingKeeper):
    """The part of a change that supervisors of both kinds share."""

    def __init__(self, boot: Boot) -> None:
        super().__init__(boot)
        self._arguments: tuple[tuple[Any, ...], Mapping[str, Any]] | None = None  # those of `init`, if kept

    def _init_again(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        """Call `init` and take its result over.

        Returns:
            False when that was `IGNORE`.

        Raises:
            Exception: what `init` raised; or TypeError, it returned something else.
        """
        raise NotImplementedError

    def _keeps_arguments(self) -> bool:
        """Say whether it makes sense to call `init` with the same arguments again."""
        return True

    def _keep(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        if self._keeps_arguments():
            self._arguments = args, kwargs

    def _reinit(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Call `init` with these arguments, or without any with those of the last time."""
        if args or kwargs:
            if self._init_again(args, kwargs):
                self._keep(args, kwargs)
        elif self._arguments is not None:
            self._init_again(*self._arguments)
        else:
            name = type(self).__name__
            raise TypeError(f"{name}.init returns what it is given, so reinit() of a {name} needs arguments")

    def code_change(self, old_version: Message, extra: Message) -> None:  # noqa: ARG002 -- OTP's signature
        """Call the `init` of the new class with the arguments of the last time, as `reinit` does."""
        if self._arguments is not None:
            self._init_again(*self._arguments)

    def _changing(self, change: Callable[[], object]) -> Procedure:
        """Make a change; its error goes to whoever asked, and this supervisor goes on as it was."""
        try:
            change()
        except Exception as error:  # noqa: BLE001 -- the actor boundary: `init` is the user's
            raise Refuse(error) from None
        yield from ()


def start_order(specs: Iterable[ChildSpec], known: Iterable[Hashable]) -> tuple[Hashable, ...]:
    """Return the ids of the children after a change, in start order.

    Args:
        specs: the new ones.
        known: the ids of the children so far, in start order.

    Returns:
        The new ones in their order, then those that are kept although the new ones do not mention them.
    """
    return tuple(dict.fromkeys([*(spec.id for spec in specs), *known]))

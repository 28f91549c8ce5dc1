"""What can be wrong with numeric work: the input, the objective, or what is installed."""

from __future__ import annotations

from dspex_actors._errors import DspexError


class ComputeError(DspexError):
    """Root of the errors of numeric work."""


class ComputeInputError(ComputeError, ValueError):
    """An input cannot be computed with.

    Attributes:
        field: name of the argument.
        seen: what it was.
        allowed: what would be right.
        shape: its shape; None where it has none, as a ragged list.
    """

    def __init__(self, field: str, seen: str, allowed: str, shape: tuple[int, ...] | None = None) -> None:
        super().__init__(field, seen, allowed, shape)
        self.field = field
        self.seen = seen
        self.allowed = allowed
        self.shape = shape

    def _sentence(self) -> str:
        where = "" if self.shape is None else f" of shape {self.shape}"
        return f"{self.field} must be {self.allowed}, got {self.seen}{where}"


class ObjectiveError(ComputeError, ValueError):
    """An objective, or its gradient, returned what cannot be minimised.

    Attributes:
        part: `"objective"` or `"gradient"`.
        seen: what it returned.
        allowed: what it has to return.
        shape: the shape of what it returned; None where that has none.
    """

    def __init__(self, part: str, seen: str, allowed: str, shape: tuple[int, ...] | None = None) -> None:
        super().__init__(part, seen, allowed, shape)
        self.part = part
        self.seen = seen
        self.allowed = allowed
        self.shape = shape

    def _sentence(self) -> str:
        where = "" if self.shape is None else f" of shape {self.shape}"
        return f"the {self.part} must return {self.allowed}, it returned {self.seen}{where}"


class MissingPackageError(ComputeError, ImportError):
    """A package that this function needs is not installed.

    Attributes:
        package: its name.
        extra: the extra of this library that brings it.
        needed_for: what needs it.
    """

    def __init__(self, package: str, extra: str, needed_for: str) -> None:
        super().__init__(package, extra, needed_for)
        self.package = package
        self.extra = extra
        self.needed_for = needed_for

    def _sentence(self) -> str:
        install = f"pip install 'dspex-actors[{self.extra}]'"
        return f"{self.needed_for} needs {self.package}, which is not installed: {install}"

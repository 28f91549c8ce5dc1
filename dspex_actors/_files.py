"""What is told about files: those that a guest left, and what became of the folders it could write to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


class ReturnedFiles(Mapping[str, bytes]):
    """The files that a guest left in its scratch folder and that its policy asks for: name to content.

    A name is relative, with `/` between folders, never absolute, and has no part `.` or `..`. It is the
    guest's choice all the same, as the content is.

    Args:
        content: of each file.
        left_out: see below.

    Attributes:
        left_out: what the patterns mean, or may mean, and is not here: name to reason. A name that is not
            UTF-8 is written with backslashes. Empty if everything is here.
    """

    def __init__(
        self,
        content: Mapping[str, bytes] = MappingProxyType({}),
        left_out: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._content = dict(content)
        self.left_out: Mapping[str, str] = dict(left_out)

    def __getitem__(self, name: str) -> bytes:
        return self._content[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name!r}: {len(content)} bytes" for name, content in self._content.items())
        missing = f", left_out={dict(self.left_out)!r}" if self.left_out else ""
        return f"ReturnedFiles({{{sizes}}}{missing})"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ReturnedFiles):
            return self._content == other._content and self.left_out == other.left_out
        return self._content == other

    def __hash__(self) -> int:
        return hash(tuple(self._content))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._content, self.left_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteBack:
    """What became of the host's folders that a policy names as write paths.

    They are changed only after an execution has completed. After any other end, and after a refusal, they are
    as they were; unless `written` or `removed` is not empty, which says that the host failed in the middle.

    Attributes:
        done: whether the host's folders are now as the guest has left them.
        written: files that were made or replaced, by their names in the scratch folder.
        removed: files and folders that were removed.
        reason: why it was not done; empty if it was.
    """

    done: bool
    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    reason: str = ""

"""Which files of the host there are for a guest."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class View:
    """Which files of the host there are for a guest.

    Attributes:
        read: files and folders it may read.
        listed: folders it may only list.
        hidden: folders below those that look empty, where the machine allows it.
        lent: those of `read` that the policy names.
        withheld: folders of the host that it must not reach, though it has copies of them.
        links: links that are made for it where it has a root of its own, each with what it leads to.
    """

    read: list[str]
    listed: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    lent: list[str] = field(default_factory=list)
    withheld: list[str] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)

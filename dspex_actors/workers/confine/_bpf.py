"""Seccomp programs as bytes: pure functions from rules to classic BPF.

A rule maps a system call number to what happens to it. The program finds the number by binary search, about
nine comparisons for any call, and allows what no rule names.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LOAD, _AND, _JEQ, _JGE, _JSET, _JUMP, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x05, 0x06
_KILL_PROCESS, _ERRNO, _ALLOW, _NOTIFY = 0x80000000, 0x00050000, 0x7FFF0000, 0x7FC00000

# Offsets in struct seccomp_data.
_NR, _ARCH, _ARGS = 0, 4, 16
_X32_BIT = 0x40000000

Instruction: TypeAlias = tuple[int, int, int, int]
_EPERM = 1

ASK = -1
"""In place of an errno: the process that holds the filter's listener decides; see `_notify`."""


class Refuse(NamedTuple):
    """The call fails with this errno; 0 makes it do nothing and succeed."""

    errno: int = _EPERM


class RefuseUnless(NamedTuple):
    """The call fails with `errno` unless one argument, or its masked bits, is one of `values`.

    Attributes:
        argument: position of the argument, from 0; its low 32 bits are compared.
        values: what is allowed.
        mask: bits that count; all by default.
        errno: what the others get.
    """

    argument: int
    values: tuple[int, ...]
    mask: int = 0xFFFFFFFF
    errno: int = _EPERM


class RefuseValues(NamedTuple):
    """The call fails with `errno` if one argument, or its masked bits, is one of `values`."""

    argument: int
    values: tuple[int, ...]
    mask: int = 0xFFFFFFFF
    errno: int = _EPERM


class RefuseFlags(NamedTuple):
    """The call fails if its first argument has a bit of `forbidden`, or lacks one of `demanded`.

    Attributes:
        forbidden, demanded: bits.
        errno: what a call gets that lacks one.
    """

    forbidden: int = 0
    demanded: int = 0
    errno: int = _EPERM


class RefuseUnlessAll(NamedTuple):
    """The call fails unless it passes each of several rules; the first that it does not pass says how."""

    rules: tuple[RefuseUnless, ...]


Rule: TypeAlias = Refuse | RefuseUnless | RefuseUnlessAll | RefuseValues | RefuseFlags


def program(rules: Mapping[int, Rule], *, audit_arch: int, first_unknown: int | None = None) -> bytes:
    """Assemble the rules into a program for `SECCOMP_SET_MODE_FILTER`.

    Args:
        rules: call number to rule; calls not named are allowed.
        audit_arch: the architecture it is for; calls made for any other one kill the process.
        first_unknown: refuse every call from this number on with ENOSYS; None allows them.
    """
    points: list[tuple[int, tuple[Instruction, ...]]] = [(0, _ALLOWED)]
    for number in sorted(rules):
        if points[-1][0] == number:
            points.pop()
        points += [(number, tuple(_body(rules[number]))), (number + 1, _ALLOWED)]
    if first_unknown is not None:
        points.append((first_unknown, (_ret(_ERRNO | 38),)))
    merged = [point for at, point in enumerate(points) if at == 0 or point[1] != points[at - 1][1]]
    head: list[Instruction] = [
        (_LOAD, 0, 0, _ARCH),
        (_JEQ, 1, 0, audit_arch),
        _ret(_KILL_PROCESS),
        (_LOAD, 0, 0, _NR),
        (_JGE, 0, 1, _X32_BIT),
        _ret(_ERRNO | _EPERM),
    ]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in [*head, *_search(merged)])


def _search(points: Sequence[tuple[int, tuple[Instruction, ...]]]) -> list[Instruction]:
    """Return code that runs the body of the last point at or below the call number."""
    if len(points) == 1:
        return list(points[0][1])
    middle = len(points) // 2
    low, high = _search(points[:middle]), _search(points[middle:])
    border = points[middle][0]
    if len(low) < 256:  # a conditional jump reaches 255 instructions
        return [(_JGE, len(low), 0, border), *low, *high]
    return [(_JGE, 0, 1, border), (_JUMP, 0, 0, len(low)), *low, *high]


def _ret(action: int) -> Instruction:
    return (_RETURN, 0, 0, action)


def _refusal(errno: int) -> Instruction:
    return _ret(_NOTIFY if errno == ASK else _ERRNO | errno)


_ALLOWED = (_ret(_ALLOW),)


def _body(rule: Rule) -> list[Instruction]:
    """Return the code that decides about one call."""
    if isinstance(rule, Refuse):
        return [_refusal(rule.errno)]
    if isinstance(rule, RefuseFlags):
        load: Instruction = (_LOAD, 0, 0, _ARGS)
        code = [load]
        if rule.forbidden:
            code += [(_JSET, 0, 1, rule.forbidden), _refusal(_EPERM)]
        if rule.demanded:
            code += [(_JSET, 1, 0, rule.demanded), _refusal(rule.errno)]
        return [*code, _ret(_ALLOW)]
    if isinstance(rule, RefuseUnlessAll):
        return [*(step for each in rule.rules for step in _body(each)[:-1]), _ret(_ALLOW)]
    load = (_LOAD, 0, 0, _ARGS + 8 * rule.argument)
    hit, miss = _ret(_ALLOW), _refusal(rule.errno)
    if isinstance(rule, RefuseValues):
        hit, miss = miss, hit
    tests: list[Instruction] = [(_AND, 0, 0, rule.mask)] if rule.mask != 0xFFFFFFFF else []
    count = len(rule.values)
    compare: list[Instruction] = [(_JEQ, count - at, 0, value) for at, value in enumerate(rule.values)]
    return [load, *tests, *compare, miss, hit]

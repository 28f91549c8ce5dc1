"""The text that rustc is given: a program as it is, or a snippet made into one.

What has a line that begins with `fn main(` is a program. Anything else is a snippet: the body of a function
whose parameters are the variables and whose value is the execution's. What is put before a snippet stands in
its first line, so that the compiler's lines are the user's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

FILE = "guest.rs"

_MAIN = re.compile(r"^\s*(?:pub(?:\s*\([^)]*\))?\s+)?fn\s+main\s*\(", re.MULTILINE)

# What Rust reads as something else. The last four cannot be names at all.
_KEYWORDS = frozenset(
    """abstract as async await become box break const continue do dyn else enum extern false final fn for if
    impl in let loop macro match mod move mut override priv pub ref return static struct trait true try type
    typeof unsafe unsized use virtual where while yield""".split()
)
_NO_NAMES = frozenset(("self", "Self", "super", "crate"))
_PANICS = "#[allow(unknown_lints, dependency_on_unit_never_type_fallback)]"  # it may end in `panic!`, as ()
_GIVEN = "#[allow(unused, nonstandard_style)]"  # a snippet need not use its variables, nor has it named them


class Source(NamedTuple):
    """What rustc compiles.

    Attributes:
        text: of the file `FILE`.
        shift: columns by which the first line is longer than the user's.
        lines: how many lines are the user's.
    """

    text: str
    shift: int
    lines: int


def is_program(code: str) -> bool:
    """Whether code is a whole program, which has a function `main`."""
    return _MAIN.search(code) is not None


def source_of(code: str, declarations: Sequence[tuple[str, str]]) -> Source:
    """Return what rustc compiles.

    Args:
        code: the user's.
        declarations: names of the variables, each with its type in Rust.
    """
    lines = code.count("\n") + 1
    if is_program(code):
        return Source(code, 0, lines)
    names = [(name, local_name(name), kind) for name, kind in declarations]
    parameters = ", ".join(f"{_GIVEN} {local}: {kind}" for _, local, kind in names)
    arguments = ", ".join(f'dspex::variable("{name}")' for name, _, _ in names)
    before = f"{_PANICS} fn guest({parameters}) -> impl dspex::Give {{ "
    after = f"\n}}\nfn main() {{ dspex::result(guest({arguments})) }}\n"
    return Source(before + code + after, len(before), lines)


def local_name(name: str) -> str:
    """Return the name of a variable in a snippet: its own, `r#type` for keywords, `self_` for no names."""
    if name in _NO_NAMES:
        return f"{name}_"
    return f"r#{name}" if name in _KEYWORDS else name


def declarations_of(text: str) -> list[tuple[str, str]]:
    """Read what `dspex_actors.executors.languages` has declared: a line for each variable, `name: type`."""
    pairs = (line.partition(": ") for line in text.splitlines())
    return [(name, kind) for name, _, kind in pairs]

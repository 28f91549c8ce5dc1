"""What a row of the contract of languages has."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Snippets:
    """One language.

    Attributes:
        language: its name.
        two: gives 2.
        echo: gives the variable `x`.
        values: what crosses into the language and back unchanged.
        changed: what comes back as something else: sent, received.
        total: gives the sum of the variables `a` and `b`.
        prints: writes "out" and a newline to stdout, "err" and a newline to stderr.
        broken: does not compile because of its second line; the error's type.
        raises: fails in its second line, with the text "so it goes"; the error's type.
        loop: never ends.
        hungry: takes memory until it gets no more.
        flood: writes more than 100 kB to stdout, and gives 1.
        long_text: gives a text of 5000 characters.
        connects: connects to a port of this machine and gives "connected".
        reads: gives the content of a file of the host.
        environment: gives a list of the names in its environment.
        remember, recall: sets something to 41; gives that and 1.
        wrong: lines and columns of the errors in `broken`; a column of 0 where the compiler tells none.
        warns: compiles with warnings, and gives 2; the lines of the warnings.
        chats: writes by its console, and gives 2; the messages.
        cannot: columns that the language has nothing for, with the reason.
    """

    language: str
    two: str
    echo: str
    values: tuple[object, ...]
    changed: tuple[tuple[object, object], ...] = ()
    total: str
    prints: str
    broken: tuple[str, str]
    raises: tuple[str, str]
    loop: str
    hungry: str
    flood: str
    long_text: str
    connects: str
    reads: str
    environment: str
    remember: str
    recall: str
    wrong: tuple[tuple[int, int], ...] = ()
    warns: tuple[str, tuple[int, ...]] = ("", ())
    chats: tuple[str, tuple[tuple[str, str], ...]] = ("", ())
    cannot: dict[str, str] = field(default_factory=dict)


PLAIN = (
    None,
    True,
    False,
    0,
    -1,
    2**31,
    -(2**40),
    1.5,
    -0.25,
    "",
    "text",
    "ü€𝄞",
    [],
    [1, [2.5, ["x"]]],
    {},
    {"a": [1]},
)
"""Values that every language has."""

"""The command lines of the Erlang virtual machine.

It is started itself, not by the scripts `elixir` and `erl`, so it needs no shell. What it evaluates first is
in Erlang: it takes the driver's code from the socket.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

BINDIR: Final = "BINDIR"
"""Name in the environment by which the virtual machine finds what starts programs for it."""

# One scheduler of each kind, and none waits busily.
_SETTINGS: Final = (
    *("-S", "1:1", "-SDcpu", "1:1", "-SDio", "1"),
    *("-sbwt", "none", "-sbwtdcpu", "none", "-sbwtdio", "none"),
    "-fnu",
)

# Where the end of a process is reported that nobody waits for.
_TO_STDERR: Final = "[{handler, default, logger_std_h, #{config => #{type => standard_error}}}]"

SERVE: Final = """
Driver = spawn(fun() -> try
  {ok, S} = socket:open(3, #{domain => local, type => stream, protocol => default, dup => false}),
  {ok, _} = application:ensure_all_started(elixir),
  {ok, <<L:32/little, _:72>>} = socket:recv(S, 13),
  {ok, <<_:16/binary, B/binary>>} = socket:recv(S, L),
  {Code, Rules, Hidden, Proxy} = binary_to_term(B),
  [{module, M} = code:load_binary(M, [], C) || {M, C} <- Code],
  'Elixir.DspexActors.Driver':main(S, Rules, Hidden, Proxy)
catch K:R:T -> io:format(standard_error, "~p~n", [{K, R, T}]) end end),
spawn(fun() -> monitor(process, Driver), receive _ -> halt(70) end end).
"""
"""Takes one frame with `{Code, Rules, Hidden, Proxy}`, and becomes the driver.

A socket is closed with the process that opened it, so all is done in one, which is not the one that starts
the virtual machine. When that one has ended, by whatever, so does the virtual machine.
"""


def environment_of(options: Mapping[str, str]) -> dict[str, str]:
    """Return what the virtual machine has to find in its environment beside what is the guest's.

    `BINDIR` is the folder of its own helpers; the driver takes it away. The other one stays, and guests see
    it: the seconds that writing a crash dump into the scratch folder may take when there is no more memory.
    """
    return {BINDIR: options["bindir"], "ERL_CRASH_DUMP_SECONDS": "0"}


def command_of(options: Mapping[str, str]) -> list[str]:
    """Return the command line of a virtual machine that waits for the driver.

    Args:
        options: what the finder has found: `root` and `bindir` of Erlang, and `paths`, the folders of
            Elixir's modules, one a line.
    """
    root, folder = options["root"], options["bindir"]
    paths = [part for path in options["paths"].split("\n") for part in ("-pa", path)]
    own = ("--", "-root", root, "-bindir", folder, "-progname", "erl", "--", "-home", "/", "--")
    quiet = ("-noshell", "-noinput", "-kernel", "logger_level", "error", "-kernel", "logger", _TO_STDERR)
    return [str(Path(folder, "beam.smp")), *_SETTINGS, *own, *quiet, *paths, "-eval", SERVE]

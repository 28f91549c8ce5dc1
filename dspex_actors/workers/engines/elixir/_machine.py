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

_OPEN: Final = """
{ok, S} = socket:open(3, #{domain => local, type => stream, protocol => default, dup => false}),
{ok, _} = application:ensure_all_started(elixir),
"""

COMPILE: Final = f"""{_OPEN}
'Elixir.Code':put_compiler_option(docs, false),
'Elixir.Code':put_compiler_option(debug_info, false),
Files = [unicode:characters_to_binary(F) || F <- init:get_plain_arguments()],
Me = self(),
Keep = fun(_, M, B) -> Me ! {{module, M, B}} end,
{{ok, _, _}} = 'Elixir.Kernel.ParallelCompiler':compile(Files, [{{each_module, Keep}}]),
Kept = fun All(L) -> receive {{module, M, B}} -> All([{{M, B}} | L]) after 0 -> L end end,
P = term_to_binary(Kept([])), N = byte_size(P),
ok = socket:send(S, <<(N + 16):32/little, 4, 0:64, 1:32/little, N:64/little, 0:32, P/binary>>),
halt().
"""
"""Compiles the files it is given; sends one frame with `[{Module, Code}]`."""

SERVE: Final = f"""
Driver = spawn(fun() -> try {_OPEN}
  {{ok, <<L:32/little, _:72>>}} = socket:recv(S, 13),
  {{ok, <<_:16/binary, B/binary>>}} = socket:recv(S, L),
  {{Code, Rules, Hidden}} = binary_to_term(B),
  [{{module, M}} = code:load_binary(M, [], C) || {{M, C}} <- Code],
  'Elixir.DspexActors.Driver':main(S, Rules, Hidden)
catch K:R:T -> erlang:display({{K, R, T}}) end end),
spawn(fun() -> monitor(process, Driver), receive _ -> halt(70) end end).
"""
"""Takes one frame with `{Code, Rules, Hidden}`, and becomes the driver.

A socket is closed with the process that opened it, so all is done in one, which is not the one that starts
the virtual machine. When that one has ended, by whatever, so does the virtual machine.
"""


def environment_of(options: Mapping[str, str]) -> dict[str, str]:
    """Return what the virtual machine has to find in its environment beside what is the guest's.

    `BINDIR` is the folder of its own helpers; the driver takes it away. The other one stays, and guests see
    it: the seconds that writing a crash dump into the scratch folder may take when there is no more memory.
    """
    return {BINDIR: options["bindir"], "ERL_CRASH_DUMP_SECONDS": "0"}


def command_of(options: Mapping[str, str], program: str, *arguments: str) -> list[str]:
    """Return the command line of a virtual machine.

    Args:
        options: what the finder has found: `root` and `bindir` of Erlang, and `paths`, the folders of
            Elixir's modules, one a line.
        program: what it evaluates, in Erlang.
        arguments: for the program.
    """
    root, folder = options["root"], options["bindir"]
    paths = [part for path in options["paths"].split("\n") for part in ("-pa", path)]
    own = ("--", "-root", root, "-bindir", folder, "-progname", "erl", "--", "-home", "/", "--")
    quiet = ("-noshell", "-noinput", "-kernel", "logger_level", "error", "-kernel", "logger", _TO_STDERR)
    rest = ("-extra", *arguments) if arguments else ()
    return [str(Path(folder, "beam.smp")), *_SETTINGS, *own, *quiet, *paths, "-eval", program, *rest]

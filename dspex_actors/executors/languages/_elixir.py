"""Elixir, on the Erlang virtual machine."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dspex_actors._errors import EngineStartError
from dspex_actors._language import FoundEngine, Language
from dspex_actors.executors.languages._find import find_program, said_by

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME = "elixir"

_INSTALL = "apt-get update && apt-get install -y --no-install-recommends elixir"

# Asked once; one line for each fact, in this order.
_FACTS = ("version", "root", "erts", "library")
_ASK = """
library = Path.dirname(:code.lib_dir(:elixir))
for fact <- [System.version(), :code.root_dir(), :erlang.system_info(:version), library] do
  IO.puts(["dspex:", fact])
end
"""
_MARK = "dspex:"
_SHOWN_CHARS = 200

USUAL_LINT = ("System.halt", "System.stop", ":init", ":erlang.halt", "Node", ":net_kernel", "Mix", "IEx")
"""What the row's lint finds: what would end the guest's own virtual machine, or has no use in a sandbox."""

PURE_LINT = (
    *USUAL_LINT,
    *("File", "Path.wildcard", "System", "Port", "Application", "Registry"),
    *("Process", "Task", "Agent", "GenServer", "Supervisor", "DynamicSupervisor"),
    *("spawn", "spawn_link", "spawn_monitor", "send", "receive", "exit", "self"),
    *("Code", "Module", "defmodule", "defmacro", "apply", "String.to_atom"),
    *(":erlang", ":os", ":file", ":code", ":io", ":ets", ":rpc", ":gen_tcp", ":gen_udp", ":socket", ":inet"),
)
"""Rules for code that computes and does nothing else; see `elixir`."""


def find(lint: tuple[str, ...], given: str | None) -> FoundEngine:
    """Look for Elixir: the given path, then PATH. It is asked where its parts and Erlang's are.

    Args:
        lint: rules of the lint.
        given: path of the program `elixir`, None to look for it.

    Raises:
        EngineNotFoundError: there is none.
        EngineStartError: it does not tell, for example because there is no Erlang.
    """
    path, origin = find_program(NAME, _INSTALL, given, packaged=None, names=(NAME,))
    searched = {"PATH": os.environ.get("PATH", os.defpath), "HOME": "/"}  # its script looks for erl there
    said = said_by(NAME, _INSTALL, [str(path), "-e", _ASK], environment=searched)
    told = [line.removeprefix(_MARK) for line in said.splitlines() if line.startswith(_MARK)]
    if len(told) != len(_FACTS):
        reason = f"{path} does not run Elixir's code, it said {said[:_SHOWN_CHARS]!r}"
        raise EngineStartError(NAME, reason, _INSTALL)
    facts = dict(zip(_FACTS, told, strict=True))
    root, library = Path(facts["root"]).resolve(), Path(facts["library"]).resolve()
    options = {
        "root": str(root),
        "bindir": str(root / f"erts-{facts['erts']}" / "bin"),
        "paths": "\n".join(sorted(map(str, library.glob("*/ebin")))),
        "forbid": "\n".join(lint),
    }
    paths = (str(root), str(library))
    return FoundEngine(
        path=str(path), version=facts["version"], origin=origin, read_paths=paths, options=options
    )


def elixir(*, lint: Iterable[str] = USUAL_LINT) -> Language:
    """Return the row of Elixir with a lint of your own, for `RuntimeConfig.languages`.

    The lint reads a guest's code before it runs and refuses it, as a failure of the type `LintError`, if it
    uses what a rule names. It finds mistakes; it is no protection, for names can be put together at run time.

    Args:
        lint: each rule a module (`"File"`, `":os"`; what is below it is meant, too), a function
            (`"System.halt"`, `":os.cmd"`) or a name without a module (`"spawn"`). Empty for none.
    """
    return Language(
        name=NAME,
        maker="dspex_actors.workers.engines.elixir:make",
        find=partial(find, tuple(lint)),
        install=_INSTALL,
        minimum="1.14",
    )


ELIXIR = elixir()
"""The row."""

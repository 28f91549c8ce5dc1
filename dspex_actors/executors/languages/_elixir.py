"""Elixir, on the Erlang virtual machine."""

from __future__ import annotations

import os
import shutil
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from dspex_actors._errors import ConfigError, EngineStartError
from dspex_actors._language import FoundEngine, Language
from dspex_actors.executors.languages._find import find_program, said_by
from dspex_actors.executors.languages._told import told_before
from dspex_actors.workers import engine_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

NAME = "elixir"

_INSTALL = "apt-get update && apt-get install -y --no-install-recommends elixir"

COMPILE_S = 60.0
"""Seconds that Elixir may take to tell of itself and to compile the driver."""

# One line for each fact, in this order; the last one is the driver, compiled by the Elixir that will run it.
_FACTS = ("version", "root", "erts", "library", "driver")
_ASK = """
Code.put_compiler_option(:docs, false)
Code.put_compiler_option(:debug_info, false)
own = self()
keep = fn _, module, code -> send(own, {:module, module, code}) end

take = fn take, taken ->
  receive do
    {:module, module, code} -> take.(take, [{module, code} | taken])
  after
    0 -> taken
  end
end

driver =
  if Version.match?(System.version(), ">= 1.14.0-0") do
    {:ok, _, _} = Kernel.ParallelCompiler.compile(System.argv(), each_module: keep)
    take.(take, [])
  end

for fact <- [
      System.version(),
      :code.root_dir(),
      :erlang.system_info(:version),
      Path.dirname(:code.lib_dir(:elixir)),
      Base.encode64(:zlib.compress(:erlang.term_to_binary(driver)))
    ] do
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
    """Look for Elixir: the given path, then PATH. It tells where its parts are, and compiles the driver.

    That takes more than a second, so what an Elixir has told is kept, for other programs too.

    Args:
        lint: rules of the lint.
        given: path of the program `elixir`, None to look for it.

    Raises:
        EngineNotFoundError: there is none.
        EngineStartError: it does not tell, for example because there is no Erlang.
    """
    path, origin = find_program(NAME, _INSTALL, given, packaged=None, names=(NAME,))
    told = _asked(str(path), path.stat().st_mtime_ns, os.environ.get("PATH", os.defpath))
    facts = dict(zip(_FACTS, told, strict=True))
    root, library = Path(facts["root"]).resolve(), Path(facts["library"]).resolve()
    options = {
        "root": str(root),
        "bindir": str(_programs_of(facts)),
        "paths": "\n".join(sorted(map(str, library.glob("*/ebin")))),
        "forbid": "\n".join(lint),
        "driver": facts["driver"],
    }
    paths = (str(root), str(library))
    return FoundEngine(
        path=str(path), version=facts["version"], origin=origin, read_paths=paths, options=options
    )


@cache
def _asked(path: str, changed_ns: int, search_path: str) -> tuple[str, ...]:
    """Return the facts that an Elixir tells.

    Args:
        path: of the program.
        changed_ns: when it was changed, so that another one is asked anew.
        search_path: where its script looks for Erlang.

    Raises:
        EngineStartError: it does not tell.
    """
    files = engine_files(NAME, ".ex")
    erlang = shutil.which("erl", path=search_path) or ""
    erlang_changed_ns = Path(erlang).stat().st_mtime_ns if erlang else 0
    names = _ASK, path, str(changed_ns), search_path, erlang, str(erlang_changed_ns)
    about = (*(name.encode() for name in names), *(Path(file).read_bytes() for file in files))
    return told_before(NAME, about, lambda: _ask_engine(path, search_path, files), _holds)


def _holds(told: tuple[str, ...]) -> bool:
    """Whether what was told names folders that are there."""
    if len(told) != len(_FACTS):
        return False
    facts = dict(zip(_FACTS, told, strict=True))
    return Path(facts["library"]).is_dir() and _programs_of(facts).is_dir()


def _programs_of(facts: Mapping[str, str]) -> Path:
    return Path(facts["root"]).resolve() / f"erts-{facts['erts']}" / "bin"


def _ask_engine(path: str, search_path: str, files: Sequence[str]) -> tuple[str, ...]:
    command = [path, "-e", _ASK, "--", *files]
    environment = {"PATH": search_path, "HOME": "/"}
    said = said_by(NAME, _INSTALL, command, environment=environment, timeout_s=COMPILE_S)
    told = [line.removeprefix(_MARK) for line in said.splitlines() if line.startswith(_MARK)]
    if len(told) != len(_FACTS):
        reason = f"{path} does not run Elixir's code, it said {said[:_SHOWN_CHARS]!r}"
        raise EngineStartError(NAME, reason, _INSTALL)
    return tuple(told)


def elixir(*, lint: Iterable[str] = USUAL_LINT) -> Language:
    """Return the row of Elixir with a lint of your own, for `RuntimeConfig.languages`.

    The lint reads a guest's code before it runs and refuses it, as a failure of the type `LintError`, if it
    uses what a rule names. It finds mistakes; it is no protection, for names can be put together at run time.

    Args:
        lint: each rule a module (`"File"`, `":os"`; what is below it is meant, too), a function
            (`"System.halt"`, `":os.cmd"`) or a name without a module (`"spawn"`). Empty for none.

    Raises:
        ConfigError: the rules are one text, or something else than texts.
    """
    rules = () if isinstance(lint, str) else tuple(lint)
    if isinstance(lint, str) or not all(isinstance(rule, str) for rule in rules):
        raise ConfigError("lint", lint, "an iterable of rules, each a text")
    return Language(
        name=NAME,
        maker="dspex_actors.workers.engines.elixir:make",
        find=partial(find, rules),
        install=_INSTALL,
        minimum="1.14",
        connects=True,
    )


ELIXIR = elixir()
"""The row."""

"""`dspex-actors tree`: the supervision tree of a runtime that has just run something."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dspex_actors.cli._exit_code import ExitCode
from dspex_actors.cli._interrupts import Interrupts
from dspex_actors.runtime._runtime import Runtime

if TYPE_CHECKING:
    import argparse
    from collections.abc import Hashable

    from rich.tree import Tree

    from supervisors import TreeNode


def as_plain(node: TreeNode) -> dict[str, Any]:
    """Return a tree as plain data, for JSON."""
    return {
        "id": _plain_id(node.id),
        "path": [_plain_id(part) for part in node.path],
        "class": node.actor_class,
        "type": node.type.value,
        "state": node.state.value,
        "generation": node.generation,
        "restart": node.restart.value if node.restart is not None else None,
        "restarts": node.restarts,
        "since": node.since,
        "suspended": node.suspended,
        "thread": node.thread,
        "queued": node.queued,
        "children": [as_plain(child) for child in node.children],
    }


def _plain_id(part: Hashable) -> str | int:
    return part if isinstance(part, (str, int)) else repr(part)


def draw(node: TreeNode) -> Tree:
    """Return a drawing of a tree: id, class, state, generation, queue length, and the restart type."""
    from rich.text import Text  # noqa: PLC0415 -- `--json` needs none
    from rich.tree import Tree  # noqa: PLC0415 -- see above

    label = Text.assemble(
        (str(node.id), "bold"),
        f"  {node.actor_class.rpartition('.')[2] or '-'}  ",
        (node.state.value, "green" if node.state.value == "running" else "yellow"),
        ("  suspended" if node.suspended else "", "yellow"),
        (f"  generation {node.generation}  queue {node.queued}", "dim"),
        (f"  {node.restart.value}" if node.restart is not None else "", "dim"),
    )
    tree = Tree(label)
    tree.children = [draw(child) for child in node.children]
    return tree


def run(options: argparse.Namespace) -> ExitCode:
    """Run the command.

    Args:
        options: `json`, whether plain data is wanted.

    Returns:
        `COMPLETED`.

    Raises:
        DspexError: there is no sandbox.
        InterruptedBySignal: a signal asked for the end.
    """
    with Interrupts() as interrupts:
        runtime = Runtime()
        try:
            with interrupts.allowed():
                runtime.execute("sum(range(10))").unwrap()
                tree = runtime.tree()
        finally:
            runtime.stop(1.0)
    if options.json:
        print(json.dumps(as_plain(tree), indent=2))  # noqa: T201 -- the command's output
        return ExitCode.COMPLETED
    from dspex_actors.cli._console import new_console  # noqa: PLC0415 -- brings in rich; `--json` needs none

    new_console().print(draw(tree))
    return ExitCode.COMPLETED

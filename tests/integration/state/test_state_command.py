"""`dspex-actors state` on servers: nothing is made there, nothing is lost, and no password is printed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from redis import Redis as Client

from dspex_actors.cli import ExitCode
from dspex_actors.state import Postgres, Redis, Sqlite, States, StorageMissingError
from tests.dspex_actors.cli._store import ended, plain, said
from tests.integration.state._processes import CEILING_S
from tests.integration.state._programs import ROOT
from tests.integration.state._redis_server import RedisServer

PASSWORD = "hunter2/@:%"  # noqa: S105 -- of nobody


@pytest.fixture
def started(redis_server, postgres_server):
    """Start what the session shares before a test, so that it is not taken for a leak of the test."""


@pytest.fixture(params=["redis", "postgres"])
def where(request, started):  # noqa: ARG001 -- as above
    """Give a kind of server, the address of one, and a name on it that nobody has used."""
    if request.param == "redis":
        server, name = (request.getfixturevalue(each) for each in ("redis_server", "prefix"))
        return Redis, server, server.url, name
    server, name = (request.getfixturevalue(each) for each in ("postgres_server", "schema"))
    return Postgres, server, f"postgresql://dspex@/postgres?host={server.folder}", name


def backend(kind, url, name, **settings):
    return kind(url=url, prefix=name, **settings) if kind is Redis else kind(dsn=url, schema=name, **settings)


def is_empty(kind, server, name):
    if kind is Redis:
        with Client.from_url(server.url) as client:
            return not list(client.scan_iter(match=f"{{{name}}}*"))
    return server.execute("SELECT to_regnamespace(%s)", name) == [(None,)]


@pytest.mark.parametrize("action", ["list", "verify", "show a", "prune --all --keep-versions 1"])
def test_no_store_is_made_on_a_server_by_looking_for_one(where, capsys, action):
    kind, server, url, name = where
    code, lines, error = said(capsys, *action.split(), "--store", url, "--name", name)

    assert (code, lines) == (ExitCode.USAGE, [])
    assert "there is no store" in error
    assert is_empty(kind, server, name)
    with pytest.raises(StorageMissingError):
        backend(kind, url, name, create=False).open()
    assert is_empty(kind, server, name)


def test_a_store_moves_to_a_server_and_is_looked_after_there(where, capsys, tmp_path):
    kind, _, url, name = where
    file, at = tmp_path / "all.dspe", ("--store", url, "--name", name)
    with States.open(Sqlite(path=tmp_path / "s.db")) as states:
        for step in range(4):
            states.save("agent", {"step": step})
        states.create_snapshot("first", {"agent": 1})
    assert ended("export", "--store", tmp_path / "s.db", file) == 0
    assert ended("import", *at, file, "--create") == 0

    assert said(capsys, "verify", *at)[1][-1] == "4 versions and 1 snapshot: all sound"
    assert [each["revision"] for each in plain(capsys, "list", *at, "agent")[1]["versions"]] == [4, 3, 2, 1]
    assert said(capsys, "diff", *at, "agent", "1")[1][-1] == "~ state['step']: 0 -> 3"
    assert plain(capsys, "prune", *at, "agent", "--keep-versions", "2")[1]["removed"] == {"agent": 1}
    with States.open(backend(kind, url, name, create=False)) as states:
        assert [version.revision for version in states.list_versions("agent")] == [4, 3, 1]


def test_the_password_of_a_server_comes_from_the_environment_and_is_not_printed(capsys, monkeypatch):
    with RedisServer(*RedisServer.settings, "--requirepass", PASSWORD) as server:
        with States.open(Redis(url=server.url.replace("://", "://:hunter2%2F%40%3A%25@"))) as states:
            states.save("agent", "kept")
        monkeypatch.setenv("DSPEX_STATE_STORE", server.url)
        for password, code in ((PASSWORD, 0), ("", 5), ("hunter2/wrong", 5)):
            monkeypatch.setenv("DSPEX_STATE_PASSWORD", password)
            found, lines, error = said(capsys, "list", "--json")
            assert (found, "agent" in "".join(lines), "does not let us in" in error) == (
                code,
                not code,
                code == 5,
            )
            assert "hunter2" not in error + "".join(lines)

        monkeypatch.setenv("DSPEX_STATE_PASSWORD", PASSWORD)
        command = [sys.executable, "-W", "error", "-m", "dspex_actors", "state", "list", "--json"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=CEILING_S, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        assert json.loads(done.stdout)["versions"][0]["id"] == "agent"
        assert b"hunter2" not in done.stdout

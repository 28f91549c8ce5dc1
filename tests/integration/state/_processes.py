"""Database servers as processes of the tests: found, started, killed as by a loss of power, and removed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import pytest

SHORT_FOLDER = "/tmp"  # noqa: S108 -- a socket's path has 107 bytes at most, and everybody may pass through here
MEMORY_FOLDER = "/dev/shm"  # noqa: S108 -- a server that is killed loses nothing of it, and no test waits for a disk
ENOUGH = 2 * 2**30  # bytes
CEILING_S = 60.0  # seconds; only a failing test sees it
TICK_S = 0.01  # that a server is ready is no event one could wait for
NOBODY = 65534


def cannot_be_had(what):
    """Fail where all must be tested, skip on a machine that somebody only works at."""
    if os.environ.get("CI"):
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


def wait_until(condition, process):
    """Wait until something is true of a server that is starting."""
    tick = threading.Event()
    for _ in range(int(CEILING_S / TICK_S)):
        if condition():
            return
        assert process.poll() is None, f"the server ended with {process.returncode}"
        tick.wait(TICK_S)
    raise AssertionError(f"the server was not ready within {CEILING_S} s")


def descendants(pid):
    """Return the living descendants of a process."""
    found = []
    with suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split():
            found += [int(child), *descendants(int(child))]
    return found


def folder_for_data():
    """Return where servers keep their data: in memory, if there is enough of it."""
    if Path(MEMORY_FOLDER).is_dir() and shutil.disk_usage(MEMORY_FOLDER).free >= ENOUGH:
        return MEMORY_FOLDER
    return SHORT_FOLDER


class Server:
    """A server in a folder of its own. Ends with this process, whatever ends it."""

    user = None

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="dspex-db-", dir=folder_for_data()))
        self.process = None
        if self.user is not None:
            os.chown(self.folder, self.user, self.user)
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.close()
            raise

    def prepare(self):
        """Make what the server needs before its first start."""

    def command(self):
        raise NotImplementedError

    def is_ready(self):
        raise NotImplementedError

    def as_user(self, command):
        """Return the command that runs another one without rights, and ends it when this process ends."""
        rights = ["--pdeathsig", "QUIT"]
        if self.user is not None:
            rights += [f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"]
        return ["setpriv", *rights, "--", *map(str, command)]

    def start(self):
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.as_user(self.command()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            )
        try:
            wait_until(self.is_ready, self.process)
        except AssertionError as error:
            log = (self.folder / "log").read_text("utf-8", "replace")
            raise AssertionError(f"{error}\n{log[-2000:]}") from None

    def kill(self):
        """End it and all that it started, without a warning."""
        family = descendants(self.process.pid)
        self.process.kill()
        self.process.wait(CEILING_S)
        self._end(family)

    def pause(self):
        """Let it answer nothing any more, though its connections stay."""
        for pid in (self.process.pid, *descendants(self.process.pid)):
            os.kill(pid, signal.SIGSTOP)

    def resume(self):
        for pid in (*descendants(self.process.pid), self.process.pid):
            os.kill(pid, signal.SIGCONT)

    def stop(self):
        """Ask it to end."""
        family = descendants(self.process.pid)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(CEILING_S)
        self._end(family)

    @staticmethod
    def _end(family):
        """Kill what a server left, and wait for it: who adopts orphans has to collect them."""
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in family:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

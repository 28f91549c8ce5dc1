"""A host under attack, seen from outside: started, asked for one entry after the other, ended for certain."""

from __future__ import annotations

import json
import os
import secrets
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dspex_actors.workers import remove_folder
from tests._leaks import living_children
from tests._nobody import NOBODY, readable_interpreter
from tests.corpus._matrix import Machine
from tests.corpus._watch import Process, kill, wait_until

if TYPE_CHECKING:
    from tests._leaks import Child
    from tests.corpus._matrix import Configuration

REPOSITORY = Path(__file__).parents[2]
ANSWER_S = 60.0  # seconds until a silent host counts as dead; an entry takes at most 20


ORPHANS_S = 5.0  # seconds that the zygote of a dead host has to end itself and its workers


class NotHereError(Exception):
    """A configuration cannot be had on this machine or by this user; the text says why."""


def interpreter_of(user: str) -> tuple[str, dict[str, object]]:
    """Return the interpreter to start a host with, and the options that make it the user's.

    Raises:
        NotHereError: this process cannot become that user, or has no interpreter for it.
    """
    if user == "any" or (user == "root" and os.getuid() == 0) or (user == "nobody" and os.getuid() != 0):
        return sys.executable, {}
    if user == "root":
        raise NotHereError("only root can run a host that is root")
    python = readable_interpreter()
    if python is None:
        raise NotHereError("no interpreter of this version can be run by other users")
    return python, {"user": NOBODY, "group": NOBODY, "extra_groups": []}


class Attacked:
    """One host process, with the layers and the user of a configuration.

    Args:
        configuration: which layers it lacks and whose it is.
        profile: of its guests.

    Attributes:
        uid: its user.
        machine: what it has found.
        refusal: the layer for want of which it starts nothing; empty if it does.

    Raises:
        NotHereError: the configuration cannot be had here.
    """

    def __init__(self, configuration: Configuration, profile: str) -> None:
        python, options = interpreter_of(configuration.user)
        canary = secrets.token_hex(16)
        self._before = living_children()
        self._folder = tempfile.mkdtemp(prefix="corpus-", dir="/tmp")
        if options:
            os.chown(self._folder, NOBODY, NOBODY)
        site = [path for path in sys.path if path.endswith("-packages")]
        self._process = subprocess.Popen(
            [python, "-B", "-m", "tests.corpus._host", canary],
            cwd=REPOSITORY,
            env={"PYTHONPATH": os.pathsep.join([str(REPOSITORY), *site]), "CORPUS_SECRET": canary},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
            **options,
        )
        self._received = b""
        setup = {
            "profile": profile,
            "disabled": list(configuration.disabled),
            "network": list(configuration.network),
            "token": secrets.token_hex(6),
            "folder": self._folder,
        }
        answer = self._ask(setup)
        if answer is None:
            self.end()
            raise RuntimeError(f"the host for {configuration.title!r} did not start")
        self.uid, self.refusal = answer["uid"], answer["refusal"]
        self.machine = Machine(
            is_root=self.uid == 0,
            active=frozenset(answer["layers"]),
            owns_library=answer["owns_library"],
        )

    def attack(self, entry: str) -> dict[str, str] | None:
        """Have it attacked by an entry; return what is wrong by check, None if the host did not survive."""
        return self._ask(entry)

    def _ask(self, question: object) -> dict | None:
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
        except BrokenPipeError:
            return None
        deadline = time.monotonic() + ANSWER_S
        poll = select.poll()
        poll.register(self._process.stdout, select.POLLIN)
        while b"\n" not in self._received:
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                return None
            part = os.read(self._process.stdout.fileno(), 65536)
            if not part:
                return None
            self._received += part
        line, _, self._received = self._received.partition(b"\n")
        return json.loads(line)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def end(self) -> None:
        """End it, by force if it does not end by itself."""
        self._process.stdin.close()
        try:
            self._process.wait(ANSWER_S / 2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def remove(self) -> None:
        """Remove its folder; nobody of its own may be at it any more."""
        remove_folder(self._folder)


class Hosts:
    """The hosts of a test run, started when they are first asked for; a dead one is replaced.

    The process that uses it has to be the subreaper of its descendants.
    """

    def __init__(self) -> None:
        self._before = living_children()
        self._hosts: dict[tuple[str, str], Attacked] = {}

    def get(self, name: str, configuration: Configuration, profile: str) -> Attacked:
        """Return the host of a configuration.

        Raises:
            NotHereError: it cannot be had here.
        """
        if (name, profile) not in self._hosts:
            self._hosts[name, profile] = Attacked(configuration, profile)
        return self._hosts[name, profile]

    def drop(self, name: str, profile: str) -> list[str]:
        """End a host; return the names of what it has left behind, which is ended as well."""
        return self._end([self._hosts.pop((name, profile))])

    def close(self) -> list[str]:
        """End all; return the names of what they had left behind."""
        hosts = list(self._hosts.values())
        self._hosts.clear()
        return self._end(hosts)

    def _end(self, hosts: list[Attacked]) -> list[str]:
        for host in hosts:
            host.end()
        wait_until(lambda: not self._orphans(), ORPHANS_S)
        orphans = self._orphans()
        for child in orphans:
            kill(Process(child.pid, child.start_time))
        for host in hosts:
            host.remove()
        return [str(child) for child in orphans]

    def _orphans(self) -> list[Child]:
        """Return what ended hosts have left, which has become our own children."""
        ours = {host.pid for host in self._hosts.values()}
        return [child for child in living_children() - self._before if child.pid not in ours]

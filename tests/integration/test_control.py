"""The control socket of a real runtime: used by the command in other processes, out of reach for guests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dspex_actors import ConfigError, ExecutorConfig, Limits, Policy, Runtime, RuntimeConfig
from dspex_actors.cli import ExitCode
from dspex_actors.control._client import ControlClient
from dspex_actors.control._errors import ControlUnreachableError
from dspex_actors.control._protocol import Hello, ListModules
from dspex_actors.modules import ModuleSpec
from supervisors.testing import wait_restarted
from tests.dspex_actors.control._served import asked
from tests.integration._denials import LIMITS
from tests.integration._tools import CEILING_S, BareZygote

REPOSITORY = Path(__file__).parents[2]
SOURCE = "class Teller:\n    def tell(self):\n        return {0}\n"


def controlled(path, **executor):
    executor = {"spares": 0, "limits": Limits(time_s=CEILING_S), **executor}
    return Runtime(RuntimeConfig(executor=ExecutorConfig(**executor), control=path))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "own" / "control.sock"


def command(*arguments, **options):
    """Start the command; its output and complaint are text."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "dspex_actors", "modules", *map(str, arguments)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def told(watch, count):
    return [json.loads(watch.stdout.readline()) for _ in range(count)]


def test_a_watch_tells_what_happens_until_it_is_interrupted_or_the_runtime_ends(path, tmp_path):
    source = tmp_path / "teller.py"
    source.write_text(SOURCE.format(1))
    with controlled(path) as runtime:
        runtime.modules.register(ModuleSpec("agents.teller", target="Teller", version="1.0", source=source))
        first, second = (command("watch", "agents.*", "--json", "--control", path) for _ in range(2))
        for watch in (first, second):
            assert told(watch, 1)[0] == {
                "shape": 1,
                "pid": os.getpid(),
                "event": "watching",
                "pattern": "agents.*",
            }
        source.write_text(SOURCE.format(2))
        with command("reload", "agents.teller", "2.0", "--control", path) as reload:
            assert reload.communicate(timeout=60)[1] == ""
        for watch in (first, second):
            assert [(each["event"], each["old"], each["new"]) for each in told(watch, 2)] == [
                ("reload_started", "1.0", "2.0"),
                ("hot_reloaded", "1.0", "2.0"),
            ]
        with first:
            first.send_signal(signal.SIGINT)
            assert first.wait(60) == 128 + signal.SIGINT
            assert (first.stdout.read(), first.stderr.read()) == ("", "")
        report = runtime.stop()

    assert report.clean, report
    with second:
        assert second.wait(60) == ExitCode.RUNTIME_LOST
        assert second.stderr.read().endswith("it has ended\n")
    assert list(path.parent.iterdir()) == []


def test_a_runtime_without_a_control_socket_has_no_services_and_no_socket():
    with Runtime(RuntimeConfig(executor=ExecutorConfig(spares=0))) as runtime:
        assert [child.id for child in runtime.tree().children] == ["stores", "sandboxes"]


def test_services_come_last_in_the_tree_and_one_that_is_killed_comes_back(path):
    with controlled(path) as runtime:
        assert [child.id for child in runtime.tree().children] == [
            "stores",
            "sandboxes",
            "modules",
            "services",
        ]
        control = runtime._root.supervisor("services").child("control")
        old = control.pid
        old.kill()
        wait_restarted(control, old)
        assert asked(path, ListModules()) == []
        assert runtime.stop().clean


def test_two_runtimes_on_one_path_are_refused_and_the_first_goes_on(path):
    with controlled(path):
        with pytest.raises(ConfigError, match=f"no other runtime has; process {os.getpid()} has it"):
            controlled(path)
        assert asked(path, ListModules()) == []


OWNER = """
import sys
from dspex_actors import ExecutorConfig, Runtime, RuntimeConfig
with Runtime(RuntimeConfig(executor=ExecutorConfig(spares=0), control=sys.argv[1])):
    print("up", flush=True)
    sys.stdin.read()
"""


def test_the_socket_of_a_runtime_that_was_killed_is_taken_over(path):
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(path)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout.readline() == "up\n"
        with pytest.raises(ConfigError, match=f"process {owner.pid} has it"):
            controlled(path)
        owner.kill()
        owner.wait(60)
    with pytest.raises(ControlUnreachableError, match="left over by a runtime that was killed"):
        ControlClient(str(path))

    with controlled(path):
        assert asked(path, ListModules()) == []


ATTEMPT = """
import errno, os, socket
def attempt():
    try:
        client = socket.socket(socket.AF_UNIX)
    except OSError as error:
        return "socket: " + errno.errorcode[error.errno]
    with client:
        try:
            client.connect(path)
        except OSError as error:
            return "connect: " + errno.errorcode[error.errno]
        return "connected: " + repr(client.recv(4096))
attempt()
"""


def test_no_sandboxed_guest_reaches_the_control_socket_of_its_runtime(path):
    policies = [
        Policy(profile=profile, network=network)
        for profile in ("process", "shell")
        for network in (None, "host")
    ]
    with controlled(path) as runtime:
        seen = [
            runtime.execute(ATTEMPT, policy=each, variables={"path": str(path)}).unwrap() for each in policies
        ]
        with ControlClient(str(path)) as client:
            assert isinstance(client.hello, Hello)  # it is there, for who may

    assert seen == ["socket: EPERM"] * len(policies)


def test_a_guest_without_a_filter_does_not_find_the_control_socket(path):
    with controlled(path), BareZygote(disabled=["seccomp"]) as zygote:
        result = zygote.run(ATTEMPT, LIMITS, {"path": str(path)})

    assert result.unwrap() in {"connect: ENOENT", "connect: EACCES"}


def test_a_policy_that_shows_its_guests_the_control_socket_is_refused(path, tmp_path):
    link, beside = tmp_path / "link", tmp_path / "beside"
    link.symlink_to(path.parent)
    beside.mkdir()
    with controlled(path) as runtime:
        for shown in (path.parent, tmp_path, link):
            with pytest.raises(ConfigError, match="read_paths must be paths without the control socket"):
                runtime.execute("1", policy=Policy(read_paths=[str(shown)]))
        assert runtime.execute("1", policy=Policy(read_paths=[str(beside)])).unwrap() == 1

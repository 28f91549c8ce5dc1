"""A module that is not trusted: its objects live in sessions, and its code never runs in the host."""

from __future__ import annotations

import threading

import pytest

from dspex_actors import (
    ConfigError,
    GuestError,
    LimitExceededError,
    Limits,
    RuntimeClosedError,
    ValueEncodeError,
)
from dspex_actors.modules import HotReloaded, InstanceRestarted, Modules, ModuleSpec, ReloadError
from supervisors.testing import wait_restarted
from tests.integration._tools import CEILING_S, runtime_of

pytestmark = pytest.mark.may_leak("the module's runtime keeps spares")
PATIENCE_S = 60

SOURCE = """
import os

VERSION = {version}
TOKEN = os.urandom(8)

class Guest:
    def __init__(self, start=0):
        self.n = start

    def add(self, by=1):
        self.n += by
        return VERSION, self.n

    def where(self):
        return TOKEN, os.path.exists({secret!r})

    def fail(self):
        self.n = 99
        raise ValueError("no")

    def loop(self):
        self.n = 99
        while True:
            pass

    def give(self):
        return lambda: None
    {more}
"""
CHANGE = """
    @staticmethod
    def code_change(old, state):
        return {"n": state["n"] + 1000}
"""


@pytest.fixture(scope="module")
def runtime():
    with runtime_of(limits=Limits(time_s=CEILING_S)) as runtime:
        yield runtime


@pytest.fixture
def path(tmp_path):
    return tmp_path / "guest.py"


@pytest.fixture
def write(path, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("", encoding="utf-8")

    def write(version, more=""):
        path.write_text(SOURCE.format(version=version, secret=str(secret), more=more), encoding="utf-8")

    return write


@pytest.fixture
def guest(runtime, write, path):
    write(1)
    spec = ModuleSpec(
        "guest", target="Guest", version="1.0", source=path, isolation="worker", kwargs={"start": 5}
    )
    runtime.modules.register(spec)
    yield runtime.modules.start_instance("guest")
    runtime.modules.unregister("guest")


def test_methods_run_in_the_worker_and_plain_data_crosses(guest):
    assert guest.call("add") == (1, 6)
    assert guest.call("add", by=4) == (1, 10)
    assert guest.state() == {"n": 10}
    _, sees_secret = guest.call("where")
    assert sees_secret is False


def test_what_a_method_raises_is_told_and_the_object_is_made_anew(guest):
    guest.call("add")
    with pytest.raises(GuestError, match="ValueError: no"):
        guest.call("fail")
    assert guest.call("add") == (1, 7)


def test_what_cannot_cross_is_refused_in_both_directions(guest):
    with pytest.raises(ValueEncodeError):
        guest.call("add", threading.Lock())
    with pytest.raises(ConfigError, match="method of Guest"):
        guest.call("missing")
    assert guest.call("add") == (1, 6)
    with pytest.raises(GuestError):
        guest.call("give")


def test_a_call_that_runs_too_long_is_killed_and_the_object_comes_back_with_its_saved_state(
    runtime, write, path
):
    write(1)
    runtime.modules.register(
        ModuleSpec(
            "looping",
            target="Guest",
            version="1.0",
            source=path,
            isolation="worker",
            when_failed="keep",
            limits=Limits(time_s=0.5),
        )
    )
    looping = runtime.modules.start_instance("looping")
    assert looping.call("add") == (1, 1)
    with runtime.modules.watch("looping") as events:
        with pytest.raises(LimitExceededError):
            looping.call("loop")
        assert isinstance(events.get(CEILING_S).change, InstanceRestarted)
    assert looping.call("add") == (1, 2)
    runtime.modules.unregister("looping")


def test_a_reload_moves_the_state_to_a_new_worker_and_a_failure_leaves_it_in_the_old_one(
    runtime, guest, write
):
    guest.call("add")
    before = guest.call("where")
    for more, step in (
        ("def broken(:", "compile"),
        ("1 / 0", "execute"),
        ("code_change = staticmethod(lambda old, state: 1 / 0)", "code_change"),
        ("def dump_state(self): pass\n    def load_state(self, state): 1 / 0", "load_state"),
    ):
        write(2, more)
        with pytest.raises(ReloadError) as caught:
            runtime.modules.hot_reload("guest", "2.0", suspend_s=PATIENCE_S)
        assert caught.value.step == step
        assert guest.call("where") == before
    write(2, CHANGE)
    with runtime.modules.watch("guest") as events:
        runtime.modules.hot_reload("guest", "2.0", suspend_s=PATIENCE_S)
        assert [type(events.get(CEILING_S).change) for _ in range(2)][1] is HotReloaded
    assert guest.call("add") == (2, 1007)
    assert guest.call("where")[0] != before[0]


def test_an_instance_whose_actor_is_killed_gets_a_new_worker_with_its_state(guest):
    guest.call("add")
    pid = guest.address.pid
    pid.kill()
    wait_restarted(guest.address, pid)
    assert guest.call("add") == (1, 7)


def test_the_code_of_such_a_module_does_not_run_in_the_host(runtime, path, tmp_path):
    proof = tmp_path / "proof"
    path.write_text(f"open({str(proof)!r}, 'w').close()\nclass Guest: pass\n", encoding="utf-8")
    runtime.modules.register(
        ModuleSpec("proof", target="Guest", version="1.0", source=path, isolation="worker")
    )
    assert runtime.modules.get("proof").make is None
    path.write_text(f"open({str(proof)!r}, 'x').close()\nclass Guest: pass\n", encoding="utf-8")
    runtime.modules.hot_reload("proof", "2.0")
    runtime.modules.unregister("proof")
    assert not proof.exists()


def test_modules_without_a_sandbox_refuse_what_asks_for_one(write, path):
    write(1)
    spec = ModuleSpec("guest", target="Guest", version="1.0", source=path, isolation="worker")
    with Modules.open() as modules, pytest.raises(ConfigError, match="no sandbox"):
        modules.register(spec)


def test_the_modules_of_a_runtime_are_a_branch_of_its_tree_and_end_with_it():
    with runtime_of(limits=Limits(time_s=CEILING_S)) as runtime:
        assert "modules" not in [node.id for node in runtime.tree().children]
        modules = runtime.modules
        assert runtime.modules is modules
        branch = next(node for node in runtime.tree().children if node.id == "modules")
        assert [node.id for node in branch.children] == ["names", "tables", "instances", "registry"]
        events = modules.watch()
    assert list(events) == []
    with pytest.raises(RuntimeClosedError):
        _ = runtime.modules

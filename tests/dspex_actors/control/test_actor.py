"""A control socket is there while its actor is, and comes back with it."""

from __future__ import annotations

import pytest

from dspex_actors import ConfigError
from dspex_actors.control._actor import RETRY_S, ControlActor, ControlDoor
from dspex_actors.control._client import ControlClient
from dspex_actors.control._errors import ControlUnreachableError
from dspex_actors.control._protocol import ListModules, Missed
from supervisors import Shutdown, StartError, Supervisor
from supervisors.testing import ManualClock, wait_exit, wait_restarted
from tests.dspex_actors.control._served import asked


def one_item(request, client):
    del request
    client.send(Missed(count=1))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "own" / "control.sock"


def tree_of(path, **options):
    spec = ControlActor.child_spec(ControlDoor(str(path), one_item), id="control")
    return Supervisor.start([spec], strategy="one_for_one", intensity=3, period=5, **options)


def test_an_actor_that_is_killed_has_its_path_again_after_its_restart(path):
    with tree_of(path) as tree:
        address = tree.child("control")
        old = address.pid
        old.kill()
        wait_restarted(address, old)
        assert asked(path, ListModules()) == [Missed(count=1)]

    assert list(path.parent.iterdir()) == []


def test_an_actor_whose_path_another_one_has_does_not_start_and_says_why(path):
    with tree_of(path):
        with pytest.raises(StartError) as caught:
            ControlActor.start(ControlDoor(str(path), one_item))
        reason = caught.value.reason
        assert isinstance(reason, Shutdown)
        assert isinstance(reason.detail, ConfigError)
        assert "a path that no other runtime has" in str(reason.detail)
        assert asked(path, ListModules()) == [Missed(count=1)]


def test_a_path_that_is_lost_later_is_tried_again_and_nothing_else_ends_for_it(path, caplog):
    clock = ManualClock()
    with tree_of(path, system=clock.system()) as tree:
        address = tree.child("control")
        path.parent.chmod(0o755)  # somebody opens the folder to others
        old = address.pid
        old.kill()
        new = wait_restarted(address, old)
        assert "control.unavailable" in caplog.text
        assert not path.exists()

        clock.advance(RETRY_S)
        clock.wait_armed()  # it has been tried again in vain
        path.parent.chmod(0o700)
        clock.advance(RETRY_S)
        with pytest.raises(ConfigError, match="takes no messages"):
            address.call("anything")  # behind the second attempt
        assert asked(path, ListModules()) == [Missed(count=1)]
        assert address.pid is new


def test_a_listener_that_fails_takes_its_actor_with_it(path, monkeypatch):
    def fail(*_):
        raise RuntimeError("a fault")

    with tree_of(path) as tree:
        address = tree.child("control")
        old = address.pid
        with monkeypatch.context() as patch:
            patch.setattr("dspex_actors.control._listener.ControlListener._take", fail)
            with pytest.raises(ControlUnreachableError):
                ControlClient(str(path))
            reason = wait_exit(old)
        assert "a fault" in reason.message
        wait_restarted(address, old)
        assert asked(path, ListModules()) == [Missed(count=1)]

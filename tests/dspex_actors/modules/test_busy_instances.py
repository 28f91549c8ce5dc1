"""An instance that does not hold still in time fails the reload, or is restarted if that is asked for."""

from __future__ import annotations

import sys
import threading

import pytest

from dspex_actors.modules import HotReloaded, InstanceRestarted, ModuleSpec, ReloadError, ReloadStarted
from supervisors import ActorExitedError
from supervisors.testing import CEILING_S, wait_restarted
from tests.dspex_actors.modules._written import same_objects

SOURCE = """
from PACKAGE.switch import entered, release

NUMBER = {number}

class Worker:
    calls = 0

    def work(self):
        self.calls += 1
        return NUMBER, self.calls

    def block(self):
        entered.set()
        release.wait({ceiling})
        return NUMBER
    {more}
"""
SOON_S = 0.05


@pytest.fixture
def write(package):
    package.write("switch", "import threading\nentered, release = threading.Event(), threading.Event()\n")
    return lambda number, more="": package.write(
        "worker", SOURCE.format(number=number, more=more, ceiling=CEILING_S)
    )


@pytest.fixture
def workers(package, modules, write):
    write(1)
    modules.register(ModuleSpec("worker", target=package.target("worker", "Worker"), version="1.0.0"))
    return modules.start_instance("worker", "busy"), modules.start_instance("worker", "free")


@pytest.fixture
def switch(package, workers):
    del workers  # they import it
    yield sys.modules[f"{package.name}.switch"]
    sys.modules[f"{package.name}.switch"].release.set()


def test_a_busy_instance_fails_the_reload_and_nobody_notices(package, modules, write, workers, switch):
    busy, free = workers
    blocked = busy.submit("block")
    assert switch.entered.wait(CEILING_S)
    before = package.loaded()
    write(2)
    with pytest.raises(
        ReloadError, match=r"suspend in worker/busy: .*busy with one call for longer than 0\.05 s"
    ):
        modules.hot_reload("worker", "2.0.0", suspend_s=SOON_S)
    assert same_objects(before, package.loaded())
    assert free.call("work") == (1, 1)
    switch.release.set()
    assert blocked.get(timeout=CEILING_S) == 1
    assert busy.call("work") == (1, 1)


def test_an_instance_that_gets_ready_in_time_is_waited_for(modules, write, workers, switch):
    busy, free = workers
    blocked = busy.submit("block")
    assert switch.entered.wait(CEILING_S)
    write(2)
    reports = []
    with modules.watch() as events:
        thread = threading.Thread(target=lambda: reports.append(modules.hot_reload("worker", suspend_s=60)))
        thread.start()
        assert isinstance(events.get(CEILING_S).change, ReloadStarted)
        switch.release.set()
        thread.join()
    assert blocked.get(timeout=CEILING_S) == 1
    assert reports[0].upgraded == (("worker", "busy"), ("worker", "free"))
    assert [busy.call("work"), free.call("work")] == [(2, 1), (2, 1)]


def test_a_busy_instance_is_restarted_with_the_new_code_if_that_is_asked_for(modules, write, workers, switch):
    busy, free = workers
    assert busy.call("work") == (1, 1)
    pid = busy.address.pid
    blocked = busy.submit("block")
    assert switch.entered.wait(CEILING_S)
    write(2)
    with modules.watch() as events:
        report = modules.hot_reload("worker", "2.0.0", suspend_s=SOON_S, when_busy="restart")
        wait_restarted(busy.address, pid)
        told = [events.get(CEILING_S).change for _ in range(3)]
    assert (report.upgraded, report.restarted) == ((("worker", "free"),), (("worker", "busy"),))
    with pytest.raises(ActorExitedError):
        blocked.get(timeout=CEILING_S)
    assert [type(change) for change in told] == [ReloadStarted, HotReloaded, InstanceRestarted]
    assert [busy.call("work"), free.call("work")] == [(2, 2), (2, 1)]


def test_a_busy_instance_goes_on_if_its_restart_would_fail(package, modules, write, workers, switch):
    busy, free = workers
    assert busy.call("work") == (1, 1)
    blocked = busy.submit("block")
    assert switch.entered.wait(CEILING_S)
    before = package.loaded()
    write(2, "code_change = classmethod(lambda cls, old, state: 1 / 0)")
    with pytest.raises(ReloadError, match="code_change in worker/busy: ZeroDivisionError"):
        modules.hot_reload("worker", "2.0.0", suspend_s=SOON_S, when_busy="restart")
    switch.release.set()
    assert blocked.get(timeout=CEILING_S) == 1
    assert same_objects(before, package.loaded())
    assert [busy.call("work"), free.call("work")] == [(1, 2), (1, 1)]


def test_an_instance_that_dies_while_it_should_hold_still_starts_with_the_new_code(
    modules, write, workers, switch
):
    busy, free = workers
    assert busy.call("work") == (1, 1)
    pid = busy.address.pid
    busy.submit("block")
    assert switch.entered.wait(CEILING_S)
    write(2)
    with modules.watch("worker") as events:
        thread = threading.Thread(target=lambda: modules.hot_reload("worker", suspend_s=60))
        thread.start()
        assert isinstance(events.get(CEILING_S).change, ReloadStarted)
        pid.kill()
        thread.join()
        wait_restarted(busy.address, pid)
    assert [busy.call("work"), free.call("work")] == [(2, 2), (2, 1)]

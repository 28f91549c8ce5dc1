"""The registry's actor is killed while everybody works: nothing it knew is lost, and nobody is told twice."""

from __future__ import annotations

import itertools
import threading

import pytest

from dspex_actors.modules import (
    HotReloaded,
    InstanceRestarted,
    ModuleEvent,
    ModuleRegistered,
    Modules,
    ModuleSpec,
    ReloadFailed,
    ReloadStarted,
)
from supervisors import ActorExitedError, GenServer
from supervisors.testing import CEILING_S, Journal, ManualClock, wait_exit, wait_restarted
from tests.dspex_actors.modules._written import same_objects

KILLS = 10
PERIOD_S = 6  # longer than that in which restarts are counted
PATIENCE_S = 60  # for instances to hold still, on a machine that is busy
SOURCE = "NUMBER = {}\nclass Teller:\n    def tell(self):\n        return NUMBER\n"
SWITCH = "import threading\nentered, release = threading.Event(), threading.Event()\n"
WAITING = """
from PACKAGE.switch import entered, release

VERSION = {version}

class Waiting:
    def tell(self):
        return VERSION

    @classmethod
    def code_change(cls, old, state):
        entered.set()
        release.wait({ceiling})
        return state
"""


class Listener(GenServer):
    """Notes the events it is sent."""

    def init(self, journal):
        self.journal = journal

    def handle_info(self, message):
        self.journal.add(message)


def kill_registry(modules):
    address = modules.address.child("registry")
    pid = address.pid
    pid.kill()
    return wait_restarted(address, pid)


def register(modules, package, name):
    package.write(name, SOURCE.format(1))
    modules.register(ModuleSpec(name, target=package.target(name, "Teller"), version="1.0.0", tags={"told"}))


def reload_on_and_on(modules, package, stopping, tried):
    """Reload to one version after the other; what a kill interrupts is tried again."""
    for number in itertools.count(2):
        package.write("busy", SOURCE.format(number))
        while not stopping.is_set():
            try:
                modules.hot_reload("busy", f"1.0.{number}", suspend_s=PATIENCE_S)
            except ActorExitedError:
                if modules.alive:
                    continue
            tried.release()
            break
        if stopping.is_set() or not modules.alive:
            return


def numbers_of(events):
    assert all(isinstance(event, ModuleEvent) for event in events), "something was missed"
    return [event.number for event in events]


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def modules(clock):
    """Modules whose registry may be killed as often as one likes, while the clock is moved on."""
    modules, system = Modules(), clock.system()
    with modules.start(system=system):
        yield modules
    modules.close()
    system.close()


def test_nothing_is_lost_or_told_twice_when_the_registry_is_killed_in_mid_traffic(package, modules, clock):
    for name in ("quiet", "busy"):
        register(modules, package, name)
    plugin = package.write("plugin", SOURCE.format(7))
    modules.register(ModuleSpec("plugin", target="Teller", version="7.0", source=plugin))
    pinned = modules.start_instance("plugin", "pinned", version="7.0")
    modules.hot_reload("plugin", "8.0", package.write("next_plugin", SOURCE.format(8)))
    busy = modules.start_instance("busy")
    heard, called = Journal(), Journal()
    with Listener.start(heard) as listener, modules.watch("*", size=100_000) as events:
        modules.subscribe("*", listener, size=100_000)
        modules.subscribe("*", called.add, size=100_000)
        stopping, tried, failed = threading.Event(), threading.Semaphore(0), []

        def call_on_and_on():
            while not stopping.is_set():
                try:
                    busy.call("tell")
                except Exception as error:  # noqa: BLE001 -- it is what the test asserts there is none of
                    failed.append(error)

        threads = [
            threading.Thread(target=reload_on_and_on, args=(modules, package, stopping, tried)),
            threading.Thread(target=call_on_and_on),
        ]
        for thread in threads:
            thread.start()
        for number in range(KILLS):
            assert tried.acquire(timeout=CEILING_S)
            kill_registry(modules)
            clock.advance(PERIOD_S)
            register(modules, package, f"late{number}")
        stopping.set()
        for thread in threads:
            thread.join()
        modules.unregister("late0")
        told = list(iter(events.get_nowait, None))
        heard.wait_for(told[-1])
        called.wait_for(told[-1])
    assert failed == []
    assert [info.module_id for info in modules.discover("late*")] == [f"late{n}" for n in range(1, KILLS)]
    assert modules.get("quiet").spec.tags == {"told"}
    assert modules.versions("plugin").pins == {"pinned": "7.0"}
    assert (modules.versions("plugin").current.version, pinned.call("tell")) == ("8.0", 7)
    numbers = numbers_of(told)
    assert numbers == list(range(numbers[0], numbers[0] + len(told)))
    assert heard.entries() == told
    assert called.entries() == told
    assert [e.module_id for e in told if isinstance(e.change, ModuleRegistered)] == [
        f"late{n}" for n in range(KILLS)
    ]
    reloads = [event.change for event in told if event.module_id == "busy"]
    assert [type(change) for change in reloads[::2]] == [ReloadStarted] * (len(reloads) // 2)
    current = "1.0.0"
    for started, ended in zip(reloads[::2], reloads[1::2], strict=True):
        assert started.old == ended.old == current
        assert isinstance(ended, HotReloaded | ReloadFailed)
        current = ended.new if isinstance(ended, HotReloaded) else current
    assert modules.versions("busy").current.version == current


def test_a_reload_that_is_under_way_when_the_registry_is_killed_is_undone(package, modules):
    package.write("switch", SWITCH)
    package.write("waiting", WAITING.format(version=1, ceiling=CEILING_S))
    modules.register(ModuleSpec("waiting", target=package.target("waiting", "Waiting"), version="1.0.0"))
    register(modules, package, "other")
    waiting = modules.start_instance("waiting")
    before, versions = package.loaded(), modules.versions("waiting")
    switch = before[f"{package.name}.switch"]
    outcome = []

    def reload():
        try:
            outcome.append(modules.hot_reload("waiting", "2.0.0"))
        except ActorExitedError as error:
            outcome.append(error)

    with modules.watch("waiting") as events:
        package.write("waiting", WAITING.format(version=2, ceiling=CEILING_S))
        thread = threading.Thread(target=reload)
        thread.start()
        assert switch["entered"].wait(CEILING_S)
        assert package.loaded()[f"{package.name}.waiting"]["VERSION"] == 2
        kill_registry(modules)
        thread.join()
        modules.unregister("other")  # the new incarnation works while the old one's thread is at it
        switch["release"].set()
        started, ended = (events.get(CEILING_S).change for _ in range(2))
    assert isinstance(outcome[0], ActorExitedError)
    assert isinstance(started, ReloadStarted)
    assert (type(ended), ended.step, ended.reason) == (ReloadFailed, "commit", "the registry was replaced")
    assert same_objects(before, package.loaded())
    assert modules.versions("waiting") == versions
    assert waiting.call("tell") == 1
    assert modules.hot_reload("waiting", "2.0.0").changed
    assert waiting.call("tell") == 2


def test_instances_start_again_with_their_states_when_their_supervisor_was_killed(package, modules):
    package.write(
        "counter",
        "class Counter:\n    n = 0\n    def add(self):\n        self.n += 1\n        return self.n\n",
    )
    modules.register(ModuleSpec("counter", target=package.target("counter", "Counter"), version="1.0.0"))
    counter = modules.start_instance("counter")
    assert [counter.call("add"), counter.call("add")] == [1, 2]
    with modules.watch("counter") as events:
        old = counter.address.pid
        modules._core.instances.pid.kill()
        wait_exit(old)
        assert isinstance(events.get(CEILING_S).change, InstanceRestarted)
    assert counter.call("add") == 3

"""Reloads while everybody works: no call fails or sees two versions, and a failure leaves no trace."""

from __future__ import annotations

import itertools
import threading
from collections import Counter

import pytest

from dspex_actors.modules import HotReloaded, ModuleSpec, ReloadError, ReloadFailed, ReloadStarted
from tests.dspex_actors.modules._written import same_objects
from tests.integration.modules._counter import FAULTS, SOUND, write_version

INSTANCES = 20
CLIENTS = 4
RELOADS = 50
EVERY = 5  # the fifth fails
PATIENCE_S = 60  # for instances to hold still, on a machine that is busy


class Client:
    """Calls one instance after the other without a pause until it is told to stop."""

    def __init__(self, handles, first):
        self._handles = itertools.cycle(handles[first:] + handles[:first])
        self.stopping = threading.Event()
        self.working = threading.Event()
        self.replies = []
        self.failed = []
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        while not self.stopping.is_set():
            handle = next(self._handles)
            try:
                self.replies.append((handle.name, *handle.call("count")))
            except Exception as error:  # noqa: BLE001 -- it is what the test asserts there is none of
                self.failed.append(error)
            self.working.set()

    def stop(self):
        self.stopping.set()
        self.thread.join()


@pytest.fixture
def handles(package, modules):
    write_version(package, 0)
    modules.register(ModuleSpec("counter", target=package.target("third", "Counter"), version="0"))
    return [modules.start_instance("counter", f"i{number:02}") for number in range(INSTANCES)]


@pytest.fixture
def clients(handles):
    clients = [Client(handles, number * INSTANCES // CLIENTS) for number in range(CLIENTS)]
    yield clients
    for client in clients:
        client.stop()


def reload_with(modules, package, number, fault):
    """Reload to a version; return whether that went well, and check that nothing has changed if not."""
    before, versions = package.loaded(), modules.versions("counter")
    write_version(package, number, fault)
    if fault is SOUND:
        modules.hot_reload("counter", str(number), suspend_s=PATIENCE_S)
        return
    with pytest.raises(ReloadError) as caught:
        modules.hot_reload("counter", str(number), suspend_s=PATIENCE_S)
    assert caught.value.step == fault.step
    assert same_objects(before, package.loaded())
    assert modules.versions("counter") == versions


def test_no_call_fails_or_sees_two_versions_in_fifty_reloads_of_which_ten_fail(
    package, modules, handles, clients
):
    faults = itertools.cycle(FAULTS)
    plan = [next(faults) if number % EVERY == 0 else SOUND for number in range(1, RELOADS + 1)]
    with modules.watch("count*") as events:
        for client in clients:
            client.working.wait()
        for number, fault in enumerate(plan, start=1):
            for client in clients:
                client.working.clear()
            reload_with(modules, package, number, fault)
            for client in clients:
                client.working.wait()  # each has got a reply since
        for client in clients:
            client.stop()
        told = list(iter(events.get_nowait, None))
    assert [error for client in clients for error in client.failed] == []
    replies = [reply for client in clients for reply in client.replies]
    assert [used for _, used, _ in replies if len(set(used)) > 1] == []
    calls = Counter(name for name, _, _ in replies)
    assert {handle.name: handle.state()["calls"] for handle in handles} == calls
    assert {used[0] for _, used, _ in replies} <= {0} | {n for n, f in enumerate(plan, start=1) if f is SOUND}
    expected, current = [], 0
    for number, fault in enumerate(plan, start=1):
        expected.append((ReloadStarted, str(current), str(number), ""))
        expected.append((ReloadFailed if fault.step else HotReloaded, str(current), str(number), fault.step))
        current = current if fault.step else number
    seen = [(type(e.change), e.change.old, e.change.new, getattr(e.change, "step", "")) for e in told]
    assert seen == expected
    assert {handle.version.version for handle in handles} == {str(current)}

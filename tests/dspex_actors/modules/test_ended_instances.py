"""An instance that is stopped while it starts, or loses its module then, is gone and leaves no name."""

from __future__ import annotations

import sys
import threading

import pytest

from dspex_actors.modules import InstanceStartError, ModuleSpec
from supervisors.testing import CEILING_S, wait_exit

SOURCE = """
from PACKAGE import switch

class Slow:
    def __init__(self):
        switch.entered.set()
        switch.release.wait({ceiling})

    def tell(self):
        return 1
"""


@pytest.fixture
def slow(package, modules):
    """Give the switch of a module whose objects are made as soon as it is released."""
    package.write("switch", "import threading\nentered, release = threading.Event(), threading.Event()\n")
    package.write("slow", SOURCE.format(ceiling=CEILING_S))
    register(package, modules)
    switch = sys.modules[f"{package.name}.switch"]
    yield switch
    switch.release.set()


def register(package, modules):
    modules.register(ModuleSpec("slow", target=package.target("slow", "Slow"), version="1.0"))


@pytest.fixture
def forgotten(modules, monkeypatch):
    """Give an event that says that an instance is not wanted any more."""
    forgotten, forget = threading.Event(), modules._core.tables.forget

    def forget_and_tell(key):
        was_wanted = forget(key)
        forgotten.set()
        return was_wanted

    monkeypatch.setattr(modules._core.tables, "forget", forget_and_tell)
    return forgotten


def test_an_instance_whose_module_is_unregistered_while_it_starts_does_not_start(
    package, modules, slow, forgotten
):
    outcome = []

    def start():
        try:
            outcome.append(modules.start_instance("slow"))
        except InstanceStartError as error:
            outcome.append(error)

    starting = threading.Thread(target=start)
    starting.start()
    assert slow.entered.wait(CEILING_S)
    ending = threading.Thread(target=modules.unregister, args=("slow",))
    ending.start()
    assert forgotten.wait(CEILING_S)
    slow.release.set()
    for thread in (starting, ending):
        thread.join(CEILING_S)

    assert isinstance(outcome[0], InstanceStartError)
    assert (modules._core.tables.wanted(), modules._core.tables.live(["slow"])) == ([], {})
    register(package, modules)
    assert modules.start_instance("slow").call("tell") == 1


def test_an_instance_that_is_stopped_while_it_starts_again_is_gone(modules, slow, forgotten):
    slow.release.set()
    instance = modules.start_instance("slow")
    slow.entered.clear()
    slow.release.clear()
    old = instance.address.pid
    old.kill()
    wait_exit(old)
    assert slow.entered.wait(CEILING_S)
    ending = threading.Thread(target=modules.stop_instance, args=("slow",))
    ending.start()
    assert forgotten.wait(CEILING_S)
    slow.release.set()
    ending.join(CEILING_S)

    assert (modules._core.tables.wanted(), modules._core.tables.live(["slow"])) == ([], {})
    assert modules.start_instance("slow").call("tell") == 1


def test_instances_that_were_started_while_a_module_went_go_with_it(modules, slow, monkeypatch):
    slow.release.set()
    writing, late = modules._core.tables.writing, []

    def start_first(incarnation):
        late.append(modules.start_instance("slow", "late"))
        return writing(incarnation)

    monkeypatch.setattr(modules._core.tables, "writing", start_first)
    modules.unregister("slow")

    assert (modules._core.tables.wanted(), modules._core.tables.live(["slow"])) == ([], {})
    assert late[0].address.pid is None

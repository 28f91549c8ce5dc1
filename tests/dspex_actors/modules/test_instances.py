"""An instance is an actor around one object: calls, casts, its state, and what a failure does to it."""

from __future__ import annotations

import asyncio
import sys
import threading

import pytest

from dspex_actors import ConfigError
from dspex_actors.modules import (
    CallMethod,
    InstanceExistsError,
    InstanceLost,
    InstanceRestarted,
    InstanceStartError,
    MethodExitedError,
    ModuleLoadError,
    ModuleSpec,
    UnknownInstanceError,
    UnknownModuleError,
)
from supervisors import ActorExitedError
from supervisors.testing import CEILING_S, wait_restarted

COUNTER = """
import threading
broken = False
entered, release = threading.Event(), threading.Event()

class Counter:
    def __init__(self, start=0):
        if broken:
            raise RuntimeError("broken")
        self.n = start
        self.seen = []

    def add(self, by=1):
        self.n += by
        return self.n

    async def later(self):
        return self.n

    def fail(self):
        self.n = 99
        raise ValueError("no")

    def leave(self, error):
        self.n = 99
        raise error

    async def leave_later(self, error):
        await self.later()
        self.leave(error)

    def block(self):
        entered.set()
        release.wait(5)

    def _private(self):
        pass

    def __call__(self, text):
        self.seen.append(text)
        return len(self.seen)

    limit = 3

class Locked(Counter):
    def dump_state(self):
        return threading.Lock()

    def load_state(self, state):
        self.n = 0
"""


@pytest.fixture
def start(package, modules):
    def start(target="Counter", **options):
        package.write("counter", COUNTER)
        modules.register(
            ModuleSpec("counter", target=package.target("counter", target), version="1.0.0", **options)
        )
        return modules.start_instance("counter")

    return start


def test_methods_are_called_in_the_instance_with_all_arguments(start):
    counter = start(args=(5,))
    assert counter.call("add") == 6
    assert counter.call("add", by=10) == 16
    assert counter.submit("add", 4).get(timeout=CEILING_S) == 20
    assert counter.call("__call__", "a") == 1
    counter.cast("add", 80)
    assert counter.state() == {"n": 100, "seen": ["a"]}


def test_an_event_loop_goes_on_while_it_awaits_a_method(start):
    counter = start()

    async def both():
        return await asyncio.gather(counter.acall("add"), counter.acall("later"))

    assert sorted(asyncio.run(both())) == [1, 1]


def test_an_asynchronous_method_runs_to_its_end_in_the_instance(start):
    assert start(kwargs={"start": 7}).call("later") == 7


@pytest.mark.parametrize("method", ["missing", "_private", "__init__", "limit", "two words", ""])
def test_what_is_no_public_method_is_refused_and_nothing_happens(start, modules, method):
    counter = start()
    with modules.watch() as events:
        with pytest.raises(ConfigError, match="method"):
            counter.call(method)
        assert counter.call("add") == 1
        assert events.get_nowait() is None


def test_an_unknown_message_is_refused(start):
    with pytest.raises(ConfigError):
        start().address.call("nonsense")


def test_the_state_that_is_returned_is_a_copy(start):
    counter = start()
    counter.call("__call__", "a")
    counter.state()["seen"].append("b")
    assert counter.state()["seen"] == ["a"]


def test_after_an_exception_the_object_is_made_anew_from_its_last_saved_state(start, modules):
    counter = start()
    counter.call("add")
    pid = counter.address.pid
    with modules.watch() as events:
        with pytest.raises(ValueError, match="no"):
            counter.call("fail")
        change = events.get(CEILING_S).change
    assert (type(change), change.instance, change.new) == (InstanceRestarted, "main", "1.0.0")
    assert counter.call("add") == 2
    assert counter.address.pid is pid


@pytest.mark.parametrize("method", ["leave", "leave_later"])
@pytest.mark.parametrize(
    "error",
    [SystemExit(3), KeyboardInterrupt("3"), GeneratorExit("3"), asyncio.CancelledError("3")],
    ids=repr,
)
def test_a_method_that_would_end_a_program_fails_its_caller_and_ends_nobody(start, method, error):
    counter = start()
    counter.call("add")
    pid = counter.address.pid

    for _ in range(5):  # more than the restarts that all instances have together
        with pytest.raises(
            MethodExitedError, match=f"'{method}' of the instance 'main' of 'counter'"
        ) as caught:
            counter.call(method, error)
        assert isinstance(caught.value.__cause__, type(error))
        assert caught.value.reason == f"{type(error).__name__}: 3"

    assert counter.call("add") == 2
    assert counter.address.pid is pid


def test_a_method_that_would_end_a_program_is_logged_when_nobody_waits_for_it(start, caplog):
    counter = start()
    counter.cast("leave", SystemExit(3))

    assert counter.call("add") == 1
    assert "module.cast_failed" in caplog.text
    assert "SystemExit: 3" in caplog.text


def test_a_lenient_instance_goes_on_as_it_is_after_a_system_exit_too(start):
    counter = start(when_failed="keep")
    with pytest.raises(MethodExitedError):
        counter.call("leave", SystemExit())

    assert counter.call("add") == 100


def test_after_an_exception_a_lenient_instance_goes_on_as_it_is(start):
    counter = start(when_failed="keep")
    with pytest.raises(ValueError, match="no"):
        counter.call("fail")
    assert counter.call("add") == 100


def test_an_exception_in_a_cast_is_dealt_with_likewise(start):
    counter = start()
    counter.call("add")
    counter.cast("fail")
    assert counter.call("add") == 2


def test_an_actor_that_crashes_is_restarted_from_its_last_saved_state(start, modules):
    counter = start()
    counter.call("add")
    pid = counter.address.pid
    with modules.watch() as events:
        pid.kill()
        assert isinstance(events.get(CEILING_S).change, InstanceRestarted)
    wait_restarted(counter.address, pid)
    assert counter.call("add") == 2


def test_without_checkpoints_a_restart_begins_with_what_was_saved_by_hand(start):
    counter = start(checkpoint="never")
    counter.call("add")
    counter.save()
    counter.call("add")
    pid = counter.address.pid
    pid.kill()
    wait_restarted(counter.address, pid)
    assert counter.call("add") == 2


def test_an_idle_checkpoint_saves_after_a_moment_without_calls(start, modules):
    counter = start(checkpoint="idle")
    counter.call("add")
    saved = threading.Event()
    save = modules._core.tables.save
    modules._core.tables.save = lambda key, state: (save(key, state), saved.set())
    counter.call("add")
    assert saved.wait(CEILING_S)
    assert modules._core.tables.saved(("counter", "main")).state["n"] == 2


def test_an_instance_that_cannot_be_made_again_is_lost_and_harms_no_other(start, package, modules):
    counter = start()
    other = modules.start_instance("counter", "other")
    with modules.watch() as events:
        sys.modules[f"{package.name}.counter"].broken = True
        counter.address.pid.kill()
        change = events.get(CEILING_S).change
    assert (type(change), change.instance) == (InstanceLost, "main")
    assert "RuntimeError: broken" in change.reason
    with pytest.raises(UnknownInstanceError):
        modules.instance("counter")
    assert other.call("add") == 1


@pytest.mark.parametrize("error", ["RuntimeError", "SystemExit"])
def test_an_instance_that_cannot_be_made_the_first_time_does_not_start(package, modules, error):
    broken = COUNTER.replace("broken = False", "broken = True").replace("RuntimeError", error)
    package.write("counter", broken)
    modules.register(ModuleSpec("counter", target=package.target("counter", "Counter"), version="1.0.0"))
    with pytest.raises(InstanceStartError, match=f"construct failed: {error}: broken"):
        modules.start_instance("counter")
    assert modules.instance_names("counter") == []


@pytest.mark.parametrize("error", ["RuntimeError", "SystemExit"])
def test_a_module_whose_code_ends_by_an_exception_is_not_registered_and_others_are(package, modules, error):
    package.write("counter", COUNTER)
    package.write("broken", f"raise {error}('broken')")
    with pytest.raises(ModuleLoadError, match=f"{error}: broken"):
        modules.register(ModuleSpec("broken", target=package.target("broken", "Counter"), version="1.0.0"))

    modules.register(ModuleSpec("counter", target=package.target("counter", "Counter"), version="1.0.0"))


def test_a_state_that_would_end_a_program_fails_whoever_asked_for_it(package, modules):
    exits = COUNTER.replace("return threading.Lock()", "raise SystemExit(3)")
    package.write("counter", exits)
    modules.register(ModuleSpec("counter", target=package.target("counter", "Locked"), version="1.0.0"))
    counter = modules.start_instance("counter")
    pid = counter.address.pid

    for ask in (counter.state, counter.save):
        with pytest.raises(MethodExitedError, match=r"'dump_state' .* raised SystemExit: 3"):
            ask()
    assert counter.call("add") == 1  # its checkpoint fails, too
    assert counter.address.pid is pid


def test_an_instance_is_started_once_under_each_name(start, modules):
    start()
    with pytest.raises(InstanceExistsError):
        modules.start_instance("counter")
    modules.start_instance("counter", "second")
    assert modules.instance_names("counter") == ["main", "second"]
    assert modules.instance("counter", "second").call("add") == 1


@pytest.mark.parametrize("name", ["", "a b", None])
def test_the_name_of_an_instance_is_checked_like_an_id(start, modules, name):
    start()
    with pytest.raises(ConfigError):
        modules.start_instance("counter", name)


def test_a_module_that_is_not_registered_has_no_instances(modules):
    with pytest.raises(UnknownModuleError):
        modules.start_instance("nothing")
    with pytest.raises(UnknownInstanceError):
        modules.instance("nothing")
    with pytest.raises(UnknownModuleError):
        modules.instance_names("nothing")


def test_a_stopped_instance_is_gone_and_its_state_forgotten(start, modules):
    counter = start()
    counter.call("add")
    modules.stop_instance("counter")
    with pytest.raises(ActorExitedError):
        counter.call("add")
    with pytest.raises(UnknownInstanceError):
        modules.stop_instance("counter")
    assert modules.start_instance("counter").call("add") == 1


def test_a_suspended_instance_lets_calls_wait_until_it_is_resumed(start):
    counter = start()
    counter.suspend()
    waiting = counter.submit("add")
    with pytest.raises(TimeoutError):
        waiting.get(timeout=0.01)
    counter.resume()
    assert waiting.get(timeout=CEILING_S) == 1


def test_a_call_that_takes_too_long_is_given_up_by_its_caller(start, package):
    counter = start()
    with pytest.raises(TimeoutError):
        counter.with_timeout(0.01).call("block")
    sys.modules[f"{package.name}.counter"].release.set()


def test_a_state_that_cannot_be_copied_is_not_saved_and_the_log_says_so_once(start, caplog):
    counter = start(target="Locked")
    counter.call("add")
    counter.call("add")
    assert [record.message.split()[0] for record in caplog.records].count("module.state_not_saved") == 1
    with pytest.raises(TypeError, match="pickle"):
        counter.save()
    with pytest.raises(TypeError, match="pickle"):
        counter.state()


def test_messages_can_be_sent_by_hand_from_a_tree_of_ones_own(start):
    counter = start()
    assert counter.address.call(CallMethod("add", (2,))) == 2

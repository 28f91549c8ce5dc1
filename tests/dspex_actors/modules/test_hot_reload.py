"""An importable module is reloaded in place, with what imports it; a failure leaves everything as it was."""

from __future__ import annotations

import sys
import threading

import msgspec._core
import pytest

from dspex_actors import ConfigError
from dspex_actors.modules import (
    HotReloaded,
    ModuleExistsError,
    ModuleLoadError,
    Modules,
    ModuleSpec,
    ReloadError,
    ReloadFailed,
    ReloadRefusedError,
    ReloadStarted,
    RolledBack,
    UnknownModuleError,
    UnknownVersionError,
    VersionTakenError,
)
from supervisors import Supervisor
from supervisors.testing import CEILING_S
from tests.dspex_actors.modules._written import same_objects

HELP = "NUMBER = {}\n"
MAIN = """
from PACKAGE.help import NUMBER
{more}
class Teller:
    def __init__(self):
        self.calls = 0

    def tell(self):
        self.calls += 1
        return NUMBER, self.calls
    {methods}
"""


OWN_STATE = """
    def dump_state(self): return self.calls
    def load_state(self, state): raise KeyError("n")
    """


@pytest.fixture
def write(package):
    def write(number, *, more="", methods=""):
        package.write("help", HELP.format(number))
        package.write("main", MAIN.format(more=more, methods=methods))

    return write


@pytest.fixture
def teller(package, modules, write):
    write(1)
    modules.register(ModuleSpec("teller", target=package.target("main", "Teller"), version="1.0.0"))
    return modules.start_instance("teller")


def changes_of(events):
    return [event.change for event in iter(events.get_nowait, None)]


def test_a_reload_brings_the_changed_file_and_its_importers_in_order(package, modules, write, teller):
    teller.call("tell")
    write(2)
    report = modules.hot_reload("teller", "1.1.0")
    assert report.modules == (f"{package.name}.help", f"{package.name}.main")
    assert (report.old, report.new, report.changed) == ("1.0.0", "1.1.0", True)
    assert report.upgraded == (("teller", "main"),)
    assert teller.call("tell") == (2, 2)
    assert teller.version.version == "1.1.0"


@pytest.mark.usefixtures("teller")
def test_a_reload_without_a_changed_byte_does_nothing_and_tells_nobody(modules, write):
    with modules.watch() as events:
        write(1)
        report = modules.hot_reload("teller", "1.1.0")
        assert (report.changed, report.new, changes_of(events)) == (False, "1.0.0", [])
    assert modules.get("teller").version.version == "1.0.0"


@pytest.mark.usefixtures("teller")
def test_each_event_says_both_versions_and_both_digests(modules, write):
    old = modules.get("teller").version
    with modules.watch("teller") as events:
        write(2)
        modules.hot_reload("teller", "1.1.0")
        new = modules.get("teller").version
        modules.rollback("teller")
        told = changes_of(events)
    there, back = (old.version, new.version), (new.version, old.version)
    assert [(type(c), (c.old, c.new)) for c in told] == [
        (ReloadStarted, there),
        (HotReloaded, there),
        (ReloadStarted, back),
        (RolledBack, back),
    ]
    assert [(c.old_digest, c.new_digest) for c in told] == [
        (old.digest, new.digest),
        (old.digest, new.digest),
        (new.digest, old.digest),
        (new.digest, old.digest),
    ]
    assert old.digest != new.digest


@pytest.mark.usefixtures("teller")
def test_a_version_that_nobody_named_gets_a_part_of_the_digest(modules, write):
    write(2)
    report = modules.hot_reload("teller")
    assert report.new == f"1.0.0+g{modules.get('teller').version.digest[:8]}"


def test_a_roll_back_brings_code_and_instances_back_and_leaves_the_files(modules, write, teller):
    write(2)
    modules.hot_reload("teller", "1.1.0")
    modules.rollback("teller")
    assert teller.call("tell") == (1, 1)
    assert modules.versions("teller").old == ()
    with pytest.raises(UnknownVersionError):
        modules.rollback("teller")
    assert modules.hot_reload("teller", "1.1.0").changed
    assert teller.call("tell") == (2, 2)


@pytest.mark.usefixtures("teller")
def test_a_name_that_the_new_source_no_longer_makes_is_gone(package, modules, write):
    write(1, more="GONE = 1\nKEPT = 2")
    modules.hot_reload("teller")
    sys.modules[f"{package.name}.main"].OTHER = "by somebody else"
    write(1, more="KEPT = 2")
    modules.hot_reload("teller")
    space = package.loaded()[f"{package.name}.main"]
    assert "GONE" not in space
    assert (space["KEPT"], space["OTHER"]) == (2, "by somebody else")


@pytest.mark.usefixtures("teller")
def test_annotations_and_docstring_are_those_of_the_new_source(package, modules, write):
    write(1, more="OLD: int = 1")
    package.write("help", '"""Old."""\n' + HELP.format(1))
    modules.hot_reload("teller")
    old = sys.modules[f"{package.name}.main"].__annotations__
    write(2, more="NEW: int = 1")
    modules.hot_reload("teller")
    assert set(sys.modules[f"{package.name}.main"].__annotations__) == {"NEW"}
    assert set(old) == {"OLD"}
    assert sys.modules[f"{package.name}.help"].__doc__ is None


@pytest.mark.usefixtures("teller")
def test_a_part_that_a_new_version_imports_for_the_first_time_is_forgotten_if_that_fails(
    package, modules, write
):
    package.write("part", "PART = 1\n")
    before = package.loaded()
    write(2, more="from PACKAGE.part import PART\n1 / 0")
    with pytest.raises(ReloadError, match=r"execute in .*main: ZeroDivisionError"):
        modules.hot_reload("teller")
    assert same_objects(before, package.loaded())
    write(2, more="from PACKAGE.part import PART")
    modules.hot_reload("teller")
    package.write("part", "PART = 2\n")
    assert modules.hot_reload("teller").modules == (f"{package.name}.part", f"{package.name}.main")


@pytest.mark.parametrize(
    ("step", "options"),
    [
        ("compile", {"more": "def broken(:"}),
        ("execute", {"more": "LEAKED: int = 1\nraise SystemExit"}),
        ("execute", {"more": "import there_is_no_such_module"}),
        ("dump_state", {}),
        ("code_change", {"methods": "code_change = classmethod(lambda cls, old, state: 1 / 0)"}),
        ("code_change", {"methods": "def code_change(old, state): raise KeyboardInterrupt"}),
        ("construct", {"methods": "def __new__(cls): raise OSError('no')"}),
        ("construct", {"methods": "def __new__(cls): raise SystemExit"}),
        ("load_state", {"methods": OWN_STATE}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_failure_in_any_step_leaves_everything_as_it_was(package, modules, write, teller, step, options):
    second = modules.start_instance("teller", "second")
    assert [teller.call("tell"), second.call("tell")] == [(1, 1), (1, 1)]
    if step == "dump_state":  # the old code is what fails: give it such a method by hand

        def dump_state(_):
            raise ValueError("no")

        old = sys.modules[f"{package.name}.main"].Teller
        old.dump_state, old.load_state = dump_state, dump_state
    before, versions = package.loaded(), modules.versions("teller")
    write(2, **options)
    with modules.watch() as events:
        with pytest.raises(ReloadError) as caught:
            modules.hot_reload("teller", "2.0.0")
        started, failed = changes_of(events)
    assert caught.value.step == failed.step == step
    assert (type(started), type(failed), failed.new) == (ReloadStarted, ReloadFailed, "2.0.0")
    assert same_objects(before, package.loaded())
    assert modules.versions("teller") == versions
    assert [teller.call("tell"), second.call("tell")] == [(1, 2), (1, 2)]


def test_the_state_goes_through_code_change_with_the_version_it_is_of(modules, write, teller):
    teller.call("tell")
    methods = """
    __slots__ = ("calls",)
    def dump_state(self): return self.calls
    def load_state(self, state): self.calls = state
    @staticmethod
    def code_change(old, state): return (old, state["calls"])
    """
    write(2, methods=methods)
    modules.hot_reload("teller", "2.0.0")
    assert teller.state() == ("1.0.0", 1)


def test_an_old_object_is_not_changed_by_a_code_change_that_fails_in_the_middle(modules, write, teller):
    teller.call("tell")
    write(2, methods="code_change = classmethod(lambda cls, old, state: state.update(calls=99) or 1 / 0)")
    with pytest.raises(ReloadError):
        modules.hot_reload("teller")
    assert teller.call("tell") == (1, 2)


@pytest.mark.usefixtures("teller")
def test_modules_that_share_the_code_go_along_and_come_back_with_it(package, modules, write):
    modules.register(ModuleSpec("twin", target=package.target("main", "Teller"), version="5.0"))
    twin = modules.start_instance("twin")
    write(2)
    with modules.watch("twin") as events:
        modules.hot_reload("teller", "1.1.0")
        digest = modules.get("twin").version.digest
        assert modules.get("twin").version.version == f"5.0+g{digest[:8]}"
        assert twin.call("tell") == (2, 1)
        modules.rollback("teller")
        told = changes_of(events)
    assert (modules.get("twin").version.version, twin.call("tell")) == ("5.0", (1, 2))
    assert [(type(c), c.old, c.new) for c in told] == [
        (HotReloaded, "5.0", f"5.0+g{digest[:8]}"),
        (HotReloaded, f"5.0+g{digest[:8]}", "5.0"),
    ]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("__reload__ = False", "refuses to be reloaded"),
        ("__reload__ = 'it owns threads'", "it owns threads"),
    ],
)
def test_a_module_that_refuses_is_refused_with_its_reason_and_nobody_is_told(
    modules, write, teller, more, reason
):
    write(1, more=more)
    modules.hot_reload("teller")
    write(2)
    with modules.watch() as events:
        with pytest.raises(ReloadRefusedError, match=reason):
            modules.hot_reload("teller")
        assert changes_of(events) == []
    assert teller.call("tell") == (1, 1)


def test_an_extension_module_is_refused_with_the_reason(modules):
    assert msgspec._core.__file__.endswith(".so")
    modules.register(ModuleSpec("extension", target="msgspec._core:Raw", version="1.0"))
    with pytest.raises(ReloadRefusedError, match="an extension module, which Python loads only once"):
        modules.hot_reload("extension")


def test_a_module_that_was_built_in_is_refused(modules):
    modules.register(ModuleSpec("built-in", target="itertools:count", version="1.0"))
    with pytest.raises(ReloadRefusedError, match="not loaded from a source file"):
        modules.hot_reload("built-in")


@pytest.mark.usefixtures("teller")
def test_a_source_that_is_gone_is_refused_by_name(package, modules):
    (package.folder / "help.py").unlink()
    with pytest.raises(ReloadRefusedError, match=f"source of {package.name}.help cannot be read"):
        modules.hot_reload("teller")


@pytest.mark.usefixtures("write")
def test_names_taken_in_a_circle_are_refused(package, modules, teller):
    package.write("help", "NUMBER = 1\nfrom PACKAGE import main\n")
    modules.hot_reload("teller")  # a module is taken, and no name of it: that is no circle
    package.write("help", "NUMBER = 2\nfrom PACKAGE.main import Teller\n")
    with pytest.raises(ReloadRefusedError, match="take names from each other"):
        modules.hot_reload("teller")
    assert teller.call("tell") == (1, 1)


def test_reloading_that_is_switched_off_refuses(package, write):
    write(1)
    with Modules.open(hot_reload=False) as modules:
        modules.register(ModuleSpec("teller", target=package.target("main", "Teller"), version="1.0.0"))
        write(2)
        for attempt in (modules.hot_reload, modules.rollback):
            with pytest.raises(ReloadRefusedError, match="switched off"):
                attempt("teller")


@pytest.mark.usefixtures("teller")
def test_a_label_of_another_source_is_refused(modules, write):
    write(2)
    with pytest.raises(VersionTakenError):
        modules.hot_reload("teller", "1.0.0")


@pytest.mark.usefixtures("teller")
@pytest.mark.parametrize(
    "options", [{"version": "new"}, {"when_busy": "wait"}, {"suspend_s": 0}, {"suspend_s": "1"}], ids=repr
)
def test_an_argument_that_is_wrong_is_refused(modules, options):
    with pytest.raises(ConfigError):
        modules.hot_reload("teller", **options)


@pytest.mark.usefixtures("teller")
def test_a_source_is_only_for_file_modules(package, modules, write):
    write(2)
    with pytest.raises(ReloadRefusedError, match="importable"):
        modules.hot_reload("teller", source=package.folder / "main.py")
    with pytest.raises(ReloadRefusedError, match="one version at a time"):
        modules.pin("teller")


def test_what_is_not_registered_cannot_be_reloaded(modules):
    for attempt in (modules.hot_reload, modules.rollback, modules.unregister, modules.get, modules.versions):
        with pytest.raises(UnknownModuleError):
            attempt("nothing")


@pytest.mark.usefixtures("teller")
def test_a_module_is_registered_once_under_its_id(package, modules):
    with pytest.raises(ModuleExistsError):
        modules.register(ModuleSpec("teller", target=package.target("main", "Teller"), version="2.0"))
    with pytest.raises(ConfigError):
        modules.register("teller")


@pytest.mark.parametrize(
    ("module", "attribute", "reason"),
    [
        ("missing", "Class", "ModuleNotFoundError"),
        ("main", "Missing", "AttributeError"),
        ("main", "NUMBER", "cannot be called"),
        ("broken", "Class", "SyntaxError"),
    ],
)
def test_code_that_cannot_be_loaded_is_not_registered(package, modules, write, module, attribute, reason):
    write(1)
    package.write("broken", "def broken(:")
    with pytest.raises(ModuleLoadError, match=reason):
        modules.register(ModuleSpec("a", target=package.target(module, attribute), version="1.0.0"))
    assert modules.discover() == []


def test_a_suspended_instance_is_upgraded_and_stays_suspended(modules, write, teller):
    teller.suspend()
    write(2)
    modules.hot_reload("teller")
    waiting = teller.submit("tell")
    with pytest.raises(TimeoutError):
        waiting.get(timeout=0.01)
    teller.resume()
    assert waiting.get(timeout=CEILING_S) == (2, 1)


@pytest.mark.usefixtures("package")
def test_an_instance_that_asks_for_its_own_reload_is_refused_at_once(modules, write, teller):
    write(1, methods="def call(self, function): return function()")
    modules.hot_reload("teller")
    write(2)
    with pytest.raises(ReloadRefusedError, match="one of its own instances"):
        teller.call("call", lambda: modules.hot_reload("teller"))


def test_the_tree_can_be_a_part_of_another_one(package, write):
    write(1)
    modules = Modules()
    with Supervisor.start([modules.child_spec()], strategy="one_for_one"):
        modules.register(ModuleSpec("teller", target=package.target("main", "Teller"), version="1.0.0"))
        assert modules.start_instance("teller").call("tell") == (1, 1)
    modules.close()
    assert threading.active_count() < 50

"""Versions of a file module live side by side, each under a name of its own."""

from __future__ import annotations

import pickle
import sys

import pytest

from dspex_actors.modules import (
    ModuleLoadError,
    Modules,
    ModuleSpec,
    ReloadError,
    ReloadRefusedError,
    UnknownVersionError,
)

SOURCE = """
import dataclasses

NUMBER = {number}

@dataclasses.dataclass
class Plugin:
    calls: int = 0

    def tell(self):
        self.calls += 1
        return NUMBER, self.calls

    def own(self):
        return self
    {more}
"""


def private_names():
    return {name for name in sys.modules if name.startswith("_dspex_modules.")}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "plugin.py"


@pytest.fixture
def write(path):
    def write(number, more=""):
        path.write_text(SOURCE.format(number=number, more=more), encoding="utf-8")

    return write


@pytest.fixture
def register(modules, path, write):
    def register(module_id="plugin", **options):
        write(1)
        modules.register(ModuleSpec(module_id, target="Plugin", version="1.0", source=path, **options))
        return modules.start_instance(module_id)

    return register


def test_a_pinned_instance_stays_at_its_version_while_the_others_go_on(modules, register, write):
    plugin = register()
    pinned = modules.start_instance("plugin", "pinned", version="1.0")
    write(2)
    report = modules.hot_reload("plugin", "2.0")
    assert report.upgraded == (("plugin", "main"),)
    assert (plugin.call("tell"), pinned.call("tell")) == ((2, 1), (1, 1))
    assert (plugin.version.version, pinned.version.version) == ("2.0", "1.0")
    assert modules.versions("plugin").pins == {"pinned": "1.0"}


def test_an_instance_that_is_no_longer_pinned_goes_along_with_the_next_reload(modules, register, write):
    plugin = register()
    plugin.call("tell")
    modules.pin("plugin")
    write(2)
    modules.hot_reload("plugin", "2.0")
    assert plugin.call("tell") == (1, 2)
    modules.unpin("plugin")
    write(3)
    modules.hot_reload("plugin", "3.0")
    assert plugin.call("tell") == (3, 3)


def test_an_old_version_can_be_started_as_long_as_it_is_kept(modules, register, write):
    register()
    write(2)
    modules.hot_reload("plugin", "2.0")
    assert modules.start_instance("plugin", "old", version="1.0").call("tell") == (1, 1)
    with pytest.raises(UnknownVersionError):
        modules.start_instance("plugin", "older", version="0.1")
    assert modules.instance_names("plugin") == ["main", "old"]


def test_objects_of_both_versions_survive_pickle(modules, register, write):
    plugin = register()
    pinned = modules.start_instance("plugin", "pinned", version="1.0")
    write(2)
    modules.hot_reload("plugin", "2.0")
    for handle in (plugin, pinned):
        one = handle.call("own")
        again = pickle.loads(pickle.dumps(one))  # noqa: S301 -- our own
        assert (again, type(again)) == (one, type(one))
    assert type(plugin.call("own")) is not type(pinned.call("own"))


def test_code_that_is_no_longer_kept_is_forgotten_and_pinned_code_is_not(modules, register, write):
    before = private_names()
    register()
    modules.start_instance("plugin", "pinned", version="1.0")
    for number in range(2, 6):
        write(number)
        modules.hot_reload("plugin", f"{number}.0")
    kept = {name.rpartition(".")[2].partition("_")[0] for name in private_names() - before if ".v" in name}
    assert kept == {"v1", "v4", "v5"}
    modules.unregister("plugin")
    assert {name for name in private_names() - before if ".v" in name} == set()


def test_a_version_can_come_from_another_path_which_the_next_reload_reads_again(modules, register, tmp_path):
    plugin = register()
    other = tmp_path / "other.py"
    other.write_text(SOURCE.format(number=2, more=""), encoding="utf-8")
    modules.hot_reload("plugin", "2.0", other)
    assert modules.get("plugin").spec.source == other
    other.write_text(SOURCE.format(number=3, more=""), encoding="utf-8")
    modules.hot_reload("plugin", "3.0")
    assert plugin.call("tell")[0] == 3


def test_a_roll_back_goes_to_the_version_that_is_still_there(modules, register, write):
    plugin = register()
    plugin.call("tell")
    write(2)
    modules.hot_reload("plugin", "2.0")
    modules.rollback("plugin")
    assert (plugin.call("tell"), plugin.version.version) == ((1, 2), "1.0")


@pytest.mark.parametrize(
    ("step", "more"),
    [
        ("compile", "def broken(:"),
        ("execute", "raise OSError"),
        ("code_change", "code_change = classmethod(lambda cls, old, state: 1 / 0)"),
        ("load_state", "def load_state(self, state): 1 / 0\n    def dump_state(self): pass"),
    ],
)
def test_a_failure_in_any_step_leaves_no_trace(modules, register, write, step, more):
    plugin = register()
    before, versions = private_names(), modules.versions("plugin")
    write(2, more)
    with pytest.raises(ReloadError) as caught:
        modules.hot_reload("plugin", "2.0")
    assert caught.value.step == step
    assert private_names() == before
    assert (modules.versions("plugin"), plugin.call("tell")) == (versions, (1, 1))


def test_a_roll_back_goes_back_to_the_path_of_the_version_too(modules, register, path, tmp_path):
    plugin = register()
    other = tmp_path / "other.py"
    other.write_text(SOURCE.format(number=2, more=""), encoding="utf-8")
    modules.hot_reload("plugin", "2.0", other)
    modules.rollback("plugin")

    assert modules.get("plugin").spec.source == path
    assert not modules.hot_reload(
        "plugin"
    ).changed  # it would load the newer version again from the other one
    assert plugin.call("tell")[0] == 1


def test_a_reload_to_a_version_that_is_kept_takes_its_code_as_it_is(modules, register, write):
    plugin = register()
    pinned = modules.start_instance("plugin", "pinned", version="1.0")
    first = modules.get("plugin").make
    write(2)
    modules.hot_reload("plugin", "2.0")
    write(1)
    modules.hot_reload("plugin", "1.0")

    assert modules.get("plugin").make is first
    assert [each.version for each in modules.versions("plugin").old] == ["2.0"]
    assert (plugin.call("tell"), pinned.call("tell")) == ((1, 1), (1, 1))
    assert pickle.loads(pickle.dumps(pinned.call("own"))) == pinned.call("own")  # noqa: S301 -- our own


def test_a_failed_reload_to_a_version_that_is_kept_does_not_take_its_code_away(modules, path, write):
    refuses = "code_change = classmethod(lambda cls, old, state: 1 / 0)"
    write(1, refuses)
    modules.register(ModuleSpec("plugin", target="Plugin", version="1.0", source=path))
    pinned = modules.start_instance("plugin", "pinned", version="1.0")
    write(2)
    modules.hot_reload("plugin", "2.0")
    modules.start_instance("plugin")
    before = {name: sys.modules[name] for name in private_names()}
    write(1, refuses)
    with pytest.raises(ReloadError):
        modules.hot_reload("plugin", "1.0")

    assert {name: sys.modules[name] for name in private_names()} == before
    assert pickle.loads(pickle.dumps(pinned.call("own"))) == pinned.call("own")  # noqa: S301 -- our own


def test_a_source_that_is_not_there_is_refused(modules, register, tmp_path):
    register()
    with pytest.raises(ReloadRefusedError, match="cannot be read"):
        modules.hot_reload("plugin", source=tmp_path / "missing.py")
    with pytest.raises(ModuleLoadError, match="FileNotFoundError"):
        modules.register(ModuleSpec("a", target="A", version="1", source=tmp_path / "missing.py"))


def test_ids_that_differ_in_signs_have_code_of_their_own(register):
    first, second = register("a.b"), register("a_b")
    assert type(first.call("own")) is not type(second.call("own"))


def test_two_sets_of_modules_do_not_meet(path, write):
    write(1)
    spec = ModuleSpec("plugin", target="Plugin", version="1.0", source=path)
    with Modules.open() as first:
        first.register(spec)
        own = first.start_instance("plugin").call("own")
        with Modules.open() as second:
            second.register(spec)
            assert type(second.start_instance("plugin").call("own")) is not type(own)
        assert pickle.loads(pickle.dumps(own)) == own  # noqa: S301 -- our own
    assert type(own).__module__ not in sys.modules

"""Modules are reloaded when their files change: once for each content, whatever an editor does on the way."""

from __future__ import annotations

import importlib.util

import pytest

from dspex_actors import ConfigError
from dspex_actors.modules import (
    HotReloaded,
    Modules,
    ModuleSpec,
    ReloadFailed,
    ReloadRefusedError,
    ReloadStarted,
)

SOURCE = "NUMBER = {}\nclass Teller:\n    def tell(self):\n        return NUMBER\n"
PATIENCE_S = 30


@pytest.fixture
def plugin(modules, tmp_path):
    path = tmp_path / "plugin.py"
    path.write_text(SOURCE.format(1), encoding="utf-8")
    modules.register(ModuleSpec("plugin", target="Teller", version="1.0.0", source=path))
    return path


def replace(path, text):
    """Write a file as careful editors do."""
    new = path.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def next_of(events, kind):
    """Return the next change of a kind; those before it are passed over."""
    while True:
        change = events.get(PATIENCE_S).change
        if isinstance(change, kind):
            return change


def test_a_file_module_is_reloaded_once_for_each_new_content(modules, plugin):
    teller = modules.start_instance("plugin")
    end = modules.watch_files(debounce_ms=1)
    with modules.watch("plugin") as events:
        for number in (2, 3):
            replace(plugin, SOURCE.format(number))
            assert next_of(events, HotReloaded).new.startswith("1.0.0+g")
            assert teller.call("tell") == number
        replace(plugin, "def broken(:")
        assert next_of(events, ReloadFailed).step == "compile"
        replace(plugin, SOURCE.format(3))  # what is loaded; nothing to do
        replace(plugin, SOURCE.format(4))
        assert next_of(events, HotReloaded).old == modules.versions("plugin").old[0].version
        assert teller.call("tell") == 4
    end()
    end()


def test_a_package_is_watched_and_what_is_registered_later_too(package, modules):
    modules.watch_files("late*", debounce_ms=1)
    package.write("part", "NUMBER = 1\n")
    package.write("teller", SOURCE.replace("NUMBER = {}", "from PACKAGE.part import NUMBER"))
    modules.register(ModuleSpec("late", target=package.target("teller", "Teller"), version="1.0.0"))
    teller = modules.start_instance("late")
    with modules.watch("late") as events:
        package.write("part", "NUMBER = 2\n")
        next_of(events, HotReloaded)
    assert teller.call("tell") == 2


def test_a_watch_of_files_that_has_ended_reloads_nothing_more(modules, plugin):
    modules.watch_files(debounce_ms=1)()
    with modules.watch() as events:
        replace(plugin, SOURCE.format(2))
        modules.hot_reload("plugin", "2.0.0")
        assert [type(event.change) for event in iter(events.get_nowait, None)] == [ReloadStarted, HotReloaded]


def test_files_are_not_watched_where_reloading_is_switched_off_or_the_extra_is_missing(modules, monkeypatch):
    with Modules.open(hot_reload=False) as off, pytest.raises(ReloadRefusedError, match="switched off"):
        off.watch_files()
    with pytest.raises(ConfigError):
        modules.watch_files(debounce_ms=0)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"dspex-actors\[watch\]"):
        modules.watch_files()


def test_a_roll_back_is_not_undone_by_the_file_that_still_holds_the_newer_source(modules, plugin, tmp_path):
    teller = modules.start_instance("plugin")
    modules.watch_files(debounce_ms=1)
    with modules.watch() as events:
        replace(plugin, SOURCE.format(2))
        next_of(events, HotReloaded)
        modules.rollback("plugin")
        plugin.touch()
        other = tmp_path / "folder" / "other.py"
        other.parent.mkdir()
        other.write_text(SOURCE.format(1), encoding="utf-8")
        modules.register(ModuleSpec("other", target="Teller", version="1.0.0", source=other))
        replace(other, SOURCE.format(2))
        next_of(events, HotReloaded)  # by now it has looked at all files again
    assert teller.call("tell") == 1

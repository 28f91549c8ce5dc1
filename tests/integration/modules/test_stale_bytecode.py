"""A reload loads what the file holds, whatever its size and time say and whatever is cached beside it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

import pytest

from dspex_actors.modules import ModuleSpec
from tests.dspex_actors.modules._written import LONG_AGO

SOURCE = "NUMBER = {:d}\nclass Teller:\n    def tell(self):\n        return NUMBER\n"


@pytest.fixture
def bytecode_is_written(monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)


def write(package, number):
    return package.write("teller", SOURCE.format(number + 1000), mtime=LONG_AGO)


def facts(path):
    """Return what Python goes by, and what it would load."""
    cached = Path(importlib.util.cache_from_source(str(path)))
    return path.stat().st_size, path.stat().st_mtime_ns, cached.read_bytes()


@pytest.mark.usefixtures("bytecode_is_written")
def test_pythons_own_reload_is_stale_in_this_setting(package):
    write(package, 0)
    module = importlib.import_module(f"{package.name}.teller")
    write(package, 1)
    assert importlib.reload(module).NUMBER == 1000


@pytest.mark.usefixtures("bytecode_is_written")
@pytest.mark.parametrize("rewrites", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_no_reload_is_stale_after_rewrites_of_equal_size_and_time(package, modules, rewrites):
    path = write(package, 0)
    importlib.import_module(f"{package.name}.teller")
    stale = facts(path)
    modules.register(ModuleSpec("teller", target=package.target("teller", "Teller"), version="1.0.0"))
    teller = modules.start_instance("teller")
    told = []
    for number in range(1, rewrites + 1):
        write(package, number)
        modules.hot_reload("teller")
        told.append(teller.call("tell") - 1000)
    assert told == list(range(1, rewrites + 1))
    assert facts(path) == stale


@pytest.mark.usefixtures("bytecode_is_written")
def test_a_module_that_is_loaded_by_registering_it_is_not_stale_either(package, modules):
    write(package, 0)
    importlib.import_module(f"{package.name}.teller")
    package.forget()
    write(package, 1)
    modules.register(ModuleSpec("teller", target=package.target("teller", "Teller"), version="1.0.0"))
    assert modules.start_instance("teller").call("tell") == 1001


@pytest.mark.usefixtures("bytecode_is_written")
def test_a_module_that_was_imported_stale_is_right_after_its_first_reload(package, modules):
    write(package, 0)
    importlib.import_module(f"{package.name}.teller")
    package.forget()
    write(package, 1)
    assert importlib.import_module(f"{package.name}.teller").NUMBER == 1000  # it was loaded from the cache
    modules.register(ModuleSpec("teller", target=package.target("teller", "Teller"), version="1.0.0"))
    teller = modules.start_instance("teller")
    assert modules.hot_reload("teller", "1.0.1").changed
    assert teller.call("tell") == 1001

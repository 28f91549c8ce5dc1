"""The package as users import it."""

# ruff: noqa: ARG002 -- the signature of a hook is given, whatever the test uses of it

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import supervisors

HEAVY = {"asyncio", "subprocess", "structlog", "multiprocessing", "concurrent.futures", "traceback", "select"}


def modules_after_import():
    program = (
        "import sys; before = set(sys.modules); import pykka; pykkas = set(sys.modules);"
        "import supervisors, json; [getattr(supervisors, name) for name in supervisors.__all__];"
        "print(json.dumps([sorted(pykkas), sorted(set(sys.modules) - pykkas)]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=30)
    return [set(names) for names in json.loads(done.stdout)]


def test_the_package_alone_loads_none_of_its_modules():
    program = (
        "import sys, supervisors; print([name for name in sys.modules if name.startswith('supervisors.')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=30)
    assert done.stdout.strip() == b"[]"


def test_using_every_name_of_the_package_loads_only_pykka_and_the_standard_library():
    _, added = modules_after_import()

    others = {name.partition(".")[0] for name in added} - {"supervisors"}
    assert others - sys.stdlib_module_names == set()


def test_using_every_name_of_the_package_loads_nothing_heavy_that_pykka_has_not_loaded():
    pykkas, added = modules_after_import()

    assert added & (HEAVY - pykkas) == set()


def test_the_public_names_are_sorted_and_exist():
    names = supervisors.__all__

    assert names == sorted(names)
    assert all(hasattr(supervisors, name) for name in names)


@pytest.mark.parametrize("name", ["telemetry", "testing"])
def test_the_public_modules_are_attributes_of_the_package(name):
    program = f"import supervisors; print(supervisors.{name}.__name__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=30)
    assert done.stdout.strip() == f"supervisors.{name}".encode()


def test_a_name_the_package_does_not_have_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'supervisors' has no attribute 'Supervisr'"):
        supervisors.Supervisr  # noqa: B018 -- the look-up is what is tested


def test_the_package_says_that_it_is_typed():
    assert (Path(supervisors.__file__).parent / "py.typed").exists()


def test_the_example_of_the_package_works_as_written():
    class Counter(supervisors.GenServer):
        def init(self, start=0):
            self.value = start

        def handle_call(self, message, sender):
            self.value += message
            return self.value

    with supervisors.Supervisor.start([Counter.child_spec(10, id="counter")], strategy="one_for_one") as tree:
        assert tree.child("counter").call(5) == 15


@pytest.mark.parametrize("name", ["GenServer", "Supervisor", "DynamicSupervisor", "OsProcess", "Address"])
def test_the_classes_users_write_and_hold_are_public(name):
    assert name in supervisors.__all__

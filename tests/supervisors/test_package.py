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
        "import supervisors, json; print(json.dumps([sorted(pykkas), sorted(set(sys.modules) - pykkas)]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=30)
    return [set(names) for names in json.loads(done.stdout)]


def test_importing_the_package_loads_only_pykka_and_the_standard_library():
    _, added = modules_after_import()

    others = {name.partition(".")[0] for name in added} - {"supervisors"}
    assert others - sys.stdlib_module_names == set()


def test_importing_the_package_loads_nothing_heavy_that_pykka_has_not_loaded():
    pykkas, added = modules_after_import()

    assert added & (HEAVY - pykkas) == set()


def test_the_public_names_are_sorted_and_exist():
    names = supervisors.__all__

    assert names == sorted(names, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(supervisors, name) for name in names)


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

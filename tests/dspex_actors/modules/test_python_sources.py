"""Whether what is loaded is certainly what the file holds, and one digest for many files."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from dspex_actors.modules import _python_sources
from dspex_actors.modules._python_sources import digest_of, record_loaded
from tests.dspex_actors.modules._written import LONG_AGO


@pytest.fixture
def loaded(package, monkeypatch):
    """Import a module as programs do, and say when the process began."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)

    def loaded(*, began):
        path = package.write("part", "NUMBER = 1\n", mtime=LONG_AGO)
        importlib.import_module(f"{package.name}.part")
        monkeypatch.setattr(_python_sources, "_process_began", lambda: began)
        return path

    return loaded


def is_exact(package):
    return record_loaded(package.name, {})[f"{package.name}.part"].exact


FUTURE = 4_000_000_000.0


@pytest.mark.parametrize(("began", "exact"), [(FUTURE, True), (0.0, False), (None, False)])
def test_a_file_that_was_touched_since_the_process_began_may_not_be_what_was_loaded(
    package, loaded, began, exact
):
    loaded(began=began)
    assert is_exact(package) is exact


def test_a_cached_bytecode_that_says_otherwise_may_be_what_was_loaded(package, loaded):
    loaded(began=FUTURE)
    package.write("part", "NUMBER = 2\n", mtime=LONG_AGO)
    assert is_exact(package) is False


def test_without_a_cached_bytecode_the_file_was_what_was_loaded(package, loaded):
    path = loaded(began=FUTURE)
    Path(importlib.util.cache_from_source(str(path))).unlink()
    assert is_exact(package) is True


def test_a_cached_bytecode_that_is_damaged_says_nothing(package, loaded):
    path = loaded(began=FUTURE)
    Path(importlib.util.cache_from_source(str(path))).write_bytes(b"damaged and long enough")
    assert is_exact(package) is False


def test_when_this_process_began_is_known_and_past():
    began = _python_sources._process_began()
    assert began is not None
    assert LONG_AGO < began < Path("/proc/self").stat().st_ctime + 1


def test_the_digest_of_one_source_is_its_own_and_of_several_depends_on_names():
    assert digest_of({"a": b"1"}) == sha256(b"1").hexdigest()
    assert digest_of({"a": b"1", "b": b"2"}) == digest_of({"b": b"2", "a": b"1"})
    assert digest_of({"a": b"1", "b": b"2"}) != digest_of({"a": b"2", "b": b"1"})

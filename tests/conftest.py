"""What all tests share: the check that an integration test leaves nothing behind."""

from __future__ import annotations

import gc
import re
import sys
from pathlib import Path

import pytest

from tests._hangs import GRACE_S, HangWatch
from tests._leaks import Snapshot, become_subreaper, leaks_since

pytest_plugins = ["tests.corpus._findings"]

INTEGRATION = "integration"
ADDRESS = re.compile(r" at 0x[0-9a-f]{9}")
WATCH = pytest.StashKey[HangWatch]()


def pytest_configure(config):
    config.addinivalue_line(
        "markers",
        "may_leak(reason): a module-wide fixture of this test owns processes that come and go; no leak check",
    )
    if config.getoption("dist", "no") != "no":  # tests run in processes of their own, which have a watch each
        return
    timeout = config.getoption("timeout")
    if timeout is None:
        timeout = float(config.getini("timeout"))
    if timeout:
        config.stash[WATCH] = HangWatch(timeout + GRACE_S)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item):
    """Tell the watch which test begins."""
    if WATCH in item.config.stash:
        item.config.stash[WATCH].begin(item.nodeid)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    """Tell the watch that only the end of the interpreter is left, which one of several processes waits for."""
    if WATCH in config.stash:
        if hasattr(config, "workerinput"):
            config.stash[WATCH].rest()
        else:
            config.stash[WATCH].begin("the end of the run")


def pytest_collection_finish():
    """Keep the many objects of a collection out of what is searched for garbage, after nearly every test."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items):
    """Mark every test below a folder named integration; refuse names that differ from process to process."""
    for item in items:
        if ADDRESS.search(item.nodeid):
            message = f"a parameter needs an id without an address in memory: {item.nodeid}"
            raise pytest.UsageError(message)
        if INTEGRATION in item.path.relative_to(Path(__file__).parent).parts:
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def subreaper():
    """Make this process the parent of its orphaned descendants, so that a leaked worker is found."""
    become_subreaper()


@pytest.fixture(autouse=True)
def leaves_nothing_behind(request):
    """Fail an integration test whose threads, processes or descriptors are still there after it.

    Wider fixtures are set up before this one, so what a module shares is part of the state to return to.
    """
    checked = request.node.get_closest_marker(INTEGRATION) and not request.node.get_closest_marker("may_leak")
    if not checked or sys.platform != "linux":
        yield
        return
    request.getfixturevalue("subreaper")
    before = Snapshot.take()
    yield
    leaks = leaks_since(before)
    assert leaks == []

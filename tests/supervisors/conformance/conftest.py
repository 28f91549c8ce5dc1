"""Registries, two actors and short names for what the rows of the registry look at."""

from __future__ import annotations

import pytest

from supervisors import Registry
from supervisors.testing import Misbehaving


def served(registry):
    with registry.start():
        yield registry


@pytest.fixture
def names():
    yield from served(Registry(keys="unique"))


@pytest.fixture
def topics():
    yield from served(Registry(keys="duplicate", partitions=3))


@pytest.fixture(params=["unique", "duplicate"])
def either(request):
    yield from served(Registry(keys=request.param))


@pytest.fixture
def actor():
    with Misbehaving.start(name="actor") as address:
        yield address


@pytest.fixture
def other():
    with Misbehaving.start(name="other") as address:
        yield address


@pytest.fixture
def quiet(caplog):
    """Keep the logged crashes out of a report."""
    caplog.set_level("CRITICAL")


@pytest.fixture
def inside():
    """Run a function in an actor's thread; what it raises comes back, and the actor lives."""

    def run(address, function, *args):
        def attempt(_server, _sender):
            try:
                return function(*args)
            except Exception as error:  # noqa: BLE001 -- the tests look at any of them
                return error

        return address.call(("do", attempt))

    return run

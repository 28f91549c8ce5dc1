"""A disk that fills up is an error of its own kind, and what was saved before is intact."""

from __future__ import annotations

import secrets

import pytest

from dspex_actors.state import States, StorageError, StorageFullError, StorageUnavailableError
from dspex_actors.testing._database_server import wait_until
from tests.integration.state._kinds import backend_in, backend_on
from tests.integration.state._programs import FILLER, program, start
from tests.integration.state._reports import LONG
from tests.integration.state._small_disk import (
    OWN_MOUNTS,
    PostgresOnASmallDisk,
    PostgresWithALogElsewhere,
    RedisOnASmallDisk,
    RedisThatNeedNotWrite,
    may_mount,
)

pytestmark = pytest.mark.skipif(not may_mount(), reason="this machine lets nobody mount a small file system")

SIZE = 2**18
MOST = 1000


@pytest.mark.parametrize("which", [pytest.param("sqlite normal", marks=LONG), "sqlite full", "file_system"])
def test_a_full_disk_is_told_apart_and_loses_nothing(tmp_path, which):
    backend = backend_in(tmp_path / "states", which)
    with start(program(FILLER, backend), tmp_path, before=OWN_MOUNTS) as filler:
        said = filler.communicate()[0].splitlines()

    assert (filler.returncode, said) == (
        0,
        ["StorageFullError False", "intact True True True", "after True"],
    )


def fill_up(states):
    """Save until it is refused; return what was acknowledged, in order, and the refusal."""
    kept = []
    for _ in range(MOST):
        noise = secrets.token_bytes(SIZE)
        try:
            assert states.save("a", noise).revision == len(kept) + 1
        except StorageError as error:
            return kept, error
        kept.append(noise)
    raise AssertionError(f"{MOST * SIZE} bytes fit on the disk")


def what_is_there(states, count):
    return [states.load("a", revision).state for revision in range(1, count + 1)]


def is_saved(states, state):
    try:
        states.save("a", state)
    except StorageFullError:
        return False
    return True


@pytest.mark.parametrize(
    ("server_type", "settings"),
    [(PostgresWithALogElsewhere, {}), (RedisThatNeedNotWrite, {"durability": "everysec"})],
)
def test_a_server_that_has_no_room_says_so_and_goes_on_reading(server_type, settings):
    with server_type() as server:
        backend = backend_on(server, "full", **settings)
        with States.open(backend) as states:
            kept, error = fill_up(states)
            assert (type(error), error.written) == (StorageFullError, False)
            assert len(kept) > 10
        with States.open(backend) as states:
            assert what_is_there(states, len(kept)) == kept
            assert states.load("a").revision == len(kept)
            assert states.verify().sound
            server.make_room()
            wait_until(lambda: is_saved(states, b"more"), server.process)
            assert states.load("a").revision == len(kept) + 1


@pytest.mark.parametrize("server_type", [RedisOnASmallDisk, pytest.param(PostgresOnASmallDisk, marks=LONG)])
def test_a_server_that_dies_of_a_full_disk_has_kept_what_it_acknowledged(server_type):
    with server_type() as server:
        with States.open(backend_on(server, "full")) as states:
            kept, error = fill_up(states)
            assert isinstance(error, StorageUnavailableError | StorageFullError)
            assert len(kept) > 10
        server.make_room()
        server.start_again()
        with States.open(backend_on(server, "full")) as states:
            assert what_is_there(states, len(kept)) == kept
            assert states.verify().sound
            newest = states.load("a").revision
            assert newest - len(kept) in ({0, 1} if error.written is None else {0})
            assert states.save("a", b"more", expected=newest).revision == newest + 1

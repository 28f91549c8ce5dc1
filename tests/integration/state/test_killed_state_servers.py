"""Writers and servers that are killed at any moment: what was acknowledged is there, and whole."""

from __future__ import annotations

import random
import subprocess
import sys
import textwrap
import threading
import uuid
from pathlib import Path

import pytest

from dspex_actors.state import Entry, Latest, Revision, Row, StorageUnavailableError
from tests.integration.state._kinds import SERVERS, backend_on, source_of
from tests.integration.state._processes import CEILING_S

pytestmark = [
    pytest.mark.may_leak(reason="the server of the module is killed and started again"),
    pytest.mark.parametrize("kills", [4, pytest.param(50, marks=pytest.mark.slow)]),
]

ROOT = Path(__file__).parents[3]
SIZE = 2**18
WRITERS = ("a", "b", "c")
WRITER = textwrap.dedent("""
    import sys
    from tests.integration.state.test_killed_state_servers import made, newest
    from dspex_actors.state import Postgres, Redis
    storage = eval(sys.argv[1]).open()
    revision = newest(storage, "a")
    while True:
        revision += 1
        assert storage.append([made("a", revision)]) == [None]
        sys.stdout.write(f"{revision}\\n")
        sys.stdout.flush()
        if revision == 100:
            sys.stdin.read()
""")


@pytest.fixture(scope="module", params=SERVERS)
def server(request, clean_module):  # noqa: ARG001 -- set up before
    with SERVERS[request.param]() as server:
        yield server


@pytest.fixture
def name():
    return f"test_{uuid.uuid4().hex}"


def made(id_, revision):
    """Return a version whose content follows from its id and revision."""
    content = random.Random(f"{id_} {revision}").randbytes(64) * (SIZE // 64)  # noqa: S311 -- repeatable
    return Entry(Row(id_, revision, f"v{revision}", revision, deleted=False, about=content[:100]), content)


def newest(storage, id_):
    found = storage.read(id_, Latest())
    return 0 if found is None else found.row.revision


def torn_or_lost(storage, id_, acknowledged):
    """Return the revisions that are not what was to be written, and those that are missing."""
    revisions = [row.revision for row in storage.rows(id_, limit=10**6)]
    torn = [each for each in revisions if storage.read(id_, Revision(each)) != made(id_, each)]
    lost = set(range(1, acknowledged + 1)) - set(revisions)
    gaps = set(range(1, max(revisions, default=0) + 1)) - set(revisions)
    return torn, lost | gaps


class Writing(threading.Thread):
    """Appends versions of one id until the server is gone; what was acknowledged is noted here."""

    def __init__(self, backend, id_, step):
        super().__init__()
        self._storage, self._id, self._step = backend.open(), id_, step
        self.acknowledged = 0
        self.failure = None
        self.start()

    def run(self):
        try:
            while True:
                results = self._storage.append([made(self._id, self.acknowledged + 1)])
                assert results == [None], results
                self.acknowledged += 1
                self._step.release()
        except BaseException as error:  # noqa: BLE001 -- the test looks at it
            self.failure = error
            self._step.release()
        finally:
            self._storage.close()


def spin(rng):
    """Let a moment pass, so that the kill comes somewhere in what the others are doing."""
    for _ in range(rng.randint(0, 200_000)):
        pass


def test_a_server_that_is_killed_has_kept_all_that_it_acknowledged(server, name, kills):
    total = 0
    rng = random.Random(kills)  # noqa: S311 -- repeatable
    for number in range(kills):
        backend = backend_on(server, f"{name}_{number}")
        step = threading.Semaphore(0)
        writers = {each: Writing(backend, each, step) for each in WRITERS}
        for _ in range(rng.randint(1, 20)):
            assert step.acquire(timeout=CEILING_S)
        spin(rng)
        server.kill()
        for each in writers.values():
            each.join(CEILING_S)
        server.start()
        storage = backend.open()
        try:
            for id_, writer in writers.items():
                assert isinstance(writer.failure, StorageUnavailableError), writer.failure
                assert torn_or_lost(storage, id_, writer.acknowledged) == ([], set())
                total += writer.acknowledged
                unknown = writer.failure.written is None
                assert newest(storage, id_) - writer.acknowledged in ({0, 1} if unknown else {0})
        finally:
            storage.close()
        server.forget(f"{name}_{number}")
    assert total >= kills
    sys.stdout.write(f"{total} acknowledged, none lost, none torn\n")


def test_a_writer_that_is_killed_leaves_all_that_was_acknowledged_to_it(server, name, kills):
    total = 0
    rng = random.Random(kills)  # noqa: S311 -- repeatable
    for number in range(kills):
        backend = backend_on(server, f"{name}_{number}")
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, source_of(backend)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        ) as writer:
            lines = [writer.stdout.readline() for _ in range(rng.randint(1, 20))]
            spin(rng)
            writer.kill()
            lines += writer.stdout.readlines()
            writer.wait()
        acknowledged = [int(line) for line in lines if line.endswith("\n")]
        total += len(acknowledged)
        storage = backend.open()
        try:
            assert acknowledged == list(range(1, len(acknowledged) + 1))
            assert torn_or_lost(storage, "a", len(acknowledged)) == ([], set())
        finally:
            storage.close()
        server.forget(f"{name}_{number}")
    assert total >= kills
    sys.stdout.write(f"{total} acknowledged, none lost, none torn\n")

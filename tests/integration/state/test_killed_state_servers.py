"""Servers that are killed at any moment: what they acknowledged is there, and whole."""

from __future__ import annotations

import random
import threading
import uuid

import pytest

from dspex_actors.state import Entry, Latest, Revision, Row, StorageUnavailableError
from tests.integration.state._kinds import backend_on
from tests.integration.state._processes import CEILING_S
from tests.integration.state._reports import LONG, report

SIZE = 2**18
WRITERS = ("a", "b", "c")


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


@pytest.mark.may_leak(reason="the server of the session is killed and started again")
@pytest.mark.parametrize("kills", [2, pytest.param(50, marks=LONG)])
def test_a_server_that_is_killed_has_kept_all_that_it_acknowledged(request, mortal_server, kills):
    rng = random.Random(kills)  # noqa: S311 -- repeatable
    acknowledged, unknown, lost, torn = 0, 0, [], []
    for _ in range(kills):
        name = f"test_{uuid.uuid4().hex}"
        backend = backend_on(mortal_server, name)
        step = threading.Semaphore(0)
        writers = {each: Writing(backend, each, step) for each in WRITERS}
        for _ in range(rng.randint(1, 20)):
            assert step.acquire(timeout=CEILING_S)
        spin(rng)
        mortal_server.kill()
        for each in writers.values():
            each.join(CEILING_S)
        mortal_server.start()
        storage = backend.open()
        try:
            for id_, writer in writers.items():
                assert isinstance(writer.failure, StorageUnavailableError), writer.failure
                torn_here, lost_here = torn_or_lost(storage, id_, writer.acknowledged)
                torn += [(id_, each) for each in torn_here]
                lost += [(id_, each) for each in lost_here]
                acknowledged += writer.acknowledged
                may_be_more = writer.failure.written is None
                unknown += may_be_more
                assert newest(storage, id_) - writer.acknowledged in ({0, 1} if may_be_more else {0})
        finally:
            storage.close()
        mortal_server.forget(name)

    assert (lost, torn) == ([], [])
    assert acknowledged >= kills
    report(
        request,
        f"{kills} kills, {acknowledged} acknowledged, {len(lost)} lost, {len(torn)} torn, "
        f"{unknown} of which it was not known",
    )

"""A database that goes away in the middle: what is certain is said, and what is safe is tried again."""

from __future__ import annotations

import pytest

from dspex_actors.state import StorageDamagedError, StorageUnavailableError, VersionConflictError
from dspex_actors.state._line import Line
from tests.dspex_actors.state._backends import Hooked, Script, opened


def revisions(states, name="a"):
    return [version.revision for version in states.list_versions(name)]


@pytest.mark.parametrize(
    "steps",
    [["lost before"], ["lost after"], ["lost before", "lost before"], ["lost after", "lost before"]],
)
@pytest.mark.parametrize("expected", [None, 1])
def test_a_save_whose_answer_was_lost_is_stored_exactly_once(steps, expected):
    backend = Hooked(hook=Script("append", "ok", *steps))
    with opened(backend) as states:
        states.save("a", 1)
        assert states.save("a", 2, expected=expected).revision == 2
        assert revisions(states) == [2, 1]
        assert states.load("a").state == 2


def test_a_save_that_is_lost_every_time_is_an_error_that_does_not_know():
    backend = Hooked(hook=Script("append", *["lost before"] * 9))
    with opened(backend) as states:
        with pytest.raises(StorageUnavailableError, match="may have been written, or not") as caught:
            states.save("a", 1)
        assert caught.value.written is None


def test_a_save_whose_answers_are_lost_every_time_is_found_if_it_was_stored():
    backend = Hooked(hook=Script("append", *["lost after"] * 9))
    with opened(backend) as states:
        assert states.save("a", 1).revision == 1
        assert revisions(states) == [1]


def test_a_save_that_was_lost_and_whose_place_was_taken_is_done_after_it():
    backend = Hooked()
    with opened(backend) as states, opened(backend.memory) as other:
        states.save("a", 1)
        script = Script("append", "lost before")

        def hook(operation, do):
            if operation == "append" and not script.steps and other.load("a").revision == 1:
                other.save("a", "theirs")  # between the lost write and the next attempt
            return script(operation, do)

        backend.hook = hook
        assert states.save("a", "mine").revision == 3
        assert [states.load("a", revision).state for revision in (1, 2, 3)] == [1, "theirs", "mine"]


def test_an_expectation_is_kept_also_after_a_lost_write():
    backend = Hooked()
    with opened(backend) as states, opened(backend.memory) as other:
        states.save("a", 1)
        script = Script("append", "lost before")

        def hook(operation, do):
            if operation == "append" and not script.steps and other.load("a").revision == 1:
                other.save("a", "theirs")
            return script(operation, do)

        backend.hook = hook
        with pytest.raises(VersionConflictError) as caught:
            states.save("a", "mine", expected=1)
        assert caught.value.actual == 2


def test_of_saves_that_are_written_together_each_is_stored_once_after_a_lost_answer():
    for step in ("lost before", "lost after"):
        backend = Hooked(hook=Script("append", step))
        with opened(backend) as states:
            futures = [states.submit_save(each, number) for number in range(3) for each in "ab"]
            for future in futures:
                future.result()
            assert [revisions(states, each) for each in "ab"] == [[3, 2, 1]] * 2
            assert [states.load(each).state for each in "ab"] == [2, 2]


@pytest.mark.parametrize("step", ["lost before", "lost after"])
def test_going_back_together_is_done_once_after_a_lost_answer(step):
    backend = Hooked(hook=Script("append_together", step))
    with opened(backend) as states:
        for each in ("a", "b"):
            states.save(each, 1)
            states.save(each, 2)
        states.create_snapshot("s", {"a": 1, "b": 1})
        assert len(states.restore_snapshot("s").versions) == 2
        assert [revisions(states, each) for each in "ab"] == [[3, 2, 1]] * 2


def test_without_patience_a_request_fails_at_once_and_says_that_nothing_was_written():
    backend = Hooked(hook=Script("rows", "refused"))
    with opened(backend) as states:
        with pytest.raises(StorageUnavailableError, match="nothing was written") as caught:
            states.save("a", 1)
        assert caught.value.written is False
        assert states.save("a", 1).revision == 1
    assert backend.opens == 2  # the storage that failed was replaced


def test_with_patience_a_request_waits_until_the_database_is_back():
    backend = Hooked(hook=Script("read", *["refused"] * 3))
    with opened(backend, outage_wait_s=60) as states:
        states.save("a", 1)
        assert states.load("a").state == 1
    assert backend.opens == 4


def test_a_store_starts_without_its_database_and_connects_when_it_is_there():
    down = [True]

    def on_open():
        if down[0]:
            raise StorageUnavailableError("hooked", "open", "nobody listens")

    with opened(Hooked(on_open=on_open), outage_wait_s=0) as states:
        with pytest.raises(StorageUnavailableError, match="nobody listens"):
            states.load("a")
        down[0] = False
        # It is not asked again for a moment, so that many requests in a row fail quickly.
        with opened(Hooked(on_open=on_open), outage_wait_s=60) as patient:
            assert patient.save("a", 1).revision == 1


def test_a_store_does_not_start_on_a_database_that_is_damaged():
    def on_open():
        raise StorageDamagedError("hooked", "open", "torn")

    with pytest.raises(Exception, match="torn"):
        opened(Hooked(on_open=on_open))


# -- the line by itself


class Clock:
    def __init__(self):
        self.now = 0.0
        self.pauses = []

    def pause(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds
        return False


def line(clock, backend, wait_s):
    return Line(backend, outage_wait_s=wait_s, pause=clock.pause, now=lambda: clock.now)


def test_pauses_between_attempts_grow_and_end_with_the_time_that_may_be_waited():
    clock = Clock()
    backend = Hooked(hook=Script("check", *["refused"] * 99))
    with pytest.raises(StorageUnavailableError):
        line(clock, backend, 5.0).run(lambda storage: storage.check())
    assert clock.pauses == sorted(clock.pauses[:-1]) + clock.pauses[-1:]
    assert max(clock.pauses) == 1.0
    assert sum(clock.pauses) == pytest.approx(5.0)


def test_what_may_have_been_written_is_not_tried_again_by_the_line():
    backend = Hooked(hook=Script("append", "lost after"))
    with pytest.raises(StorageUnavailableError) as caught:
        line(Clock(), backend, 5.0).run(lambda storage: storage.append([]))
    assert caught.value.written is None


def test_a_database_that_does_not_answer_is_left_alone_for_a_moment():
    clock = Clock()

    def on_open():
        raise StorageUnavailableError("hooked", "open", "nobody listens")

    backend = Hooked(on_open=on_open)
    impatient = line(clock, backend, 0.0)
    for _ in range(5):
        with pytest.raises(StorageUnavailableError):
            impatient.run(lambda storage: storage.check())
    assert backend.opens == 1
    clock.now += 1.0
    with pytest.raises(StorageUnavailableError):
        impatient.run(lambda storage: storage.check())
    assert backend.opens == 2

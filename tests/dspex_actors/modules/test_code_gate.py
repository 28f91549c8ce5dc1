"""Any number read at a time; one writes alone, and goes before those who come after him."""

from __future__ import annotations

import threading

import pytest

from dspex_actors.modules._code_gate import CodeGate
from supervisors.testing import Journal


@pytest.fixture
def gate():
    return CodeGate()


def in_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_readers_read_beside_each_other(gate):
    with gate.reading(), gate.reading(timeout_s=0):
        pass


def test_a_writer_waits_for_readers_and_readers_for_a_writer(gate):
    with gate.reading(), pytest.raises(TimeoutError, match="starting for longer than 0 s"), gate.writing(0):
        pytest.fail("it wrote while somebody read")
    with gate.writing(), pytest.raises(TimeoutError, match="under way for longer than 0 s"), gate.reading(0):
        pytest.fail("it read while somebody wrote")
    with gate.writing(timeout_s=0), pytest.raises(TimeoutError), gate.writing(0):
        pytest.fail("two wrote")


def test_a_writer_that_waits_goes_before_readers_that_come_later(gate):
    journal, told = Journal(), threading.Event()

    class Telling(threading.Condition):
        def wait_for(self, predicate, timeout=None):
            told.set()
            return super().wait_for(predicate, timeout)

    gate._changed = Telling()

    def write():
        journal.add("wants to write")
        with gate.writing():
            journal.add("wrote")

    def read():
        with gate.reading():
            journal.add("read")

    with gate.reading():
        told.clear()
        writer = in_thread(write)
        told.wait()
        reader = in_thread(read)
        with pytest.raises(TimeoutError), gate.reading(0):
            pytest.fail("it went before the writer")
    writer.join()
    reader.join()
    assert journal.entries() == ["wants to write", "wrote", "read"]


def test_a_writer_that_gave_up_holds_up_nobody(gate):
    with gate.reading():
        with pytest.raises(TimeoutError), gate.writing(0):
            pytest.fail("it wrote while somebody read")
        with gate.reading(timeout_s=0):
            pass


def test_an_error_inside_opens_the_gate_again(gate):
    with pytest.raises(ZeroDivisionError), gate.writing():
        raise ZeroDivisionError
    with gate.reading(timeout_s=0), gate.reading(timeout_s=0):
        pass

"""How a native program's end is read: from its exit code or signal, and from its last words."""

from __future__ import annotations

import signal

import pytest

from dspex_actors.workers.engines import GuestFailedError, OutOfMemoryError
from dspex_actors.workers.engines.rust._endings import ending_of

OLD = "thread 'main' panicked at 'so it goes', guest.rs:2:1\nnote: run with `RUST_BACKTRACE=1`\n"
NEW = "\nthread 'main' (7) panicked at guest.rs:2:1:\nso it goes\nnote: run with `RUST_BACKTRACE=1`\n"
HUNGRY = "memory allocation of 1048576 bytes failed\n"


@pytest.mark.parametrize("words", [OLD, NEW], ids=["before 1.73", "since"])
def test_a_panic_has_its_text_and_its_place_in_both_of_rusts_forms(words):
    ending = ending_of(101, words, "snippet")

    assert isinstance(ending, GuestFailedError)
    assert (ending.kind, ending.message, ending.traceback) == ("Panic", "so it goes", "  guest.rs:2:1")


@pytest.mark.parametrize(
    ("exit_code", "words", "kind", "message"),
    [
        (3, "", "ExitError", "the program ended with exit code 3"),
        (3, NEW, "ExitError", "the program ended with exit code 3"),
        (101, "", "ExitError", "the program ended with exit code 101"),
        (-signal.SIGABRT, "", "Crash", "the program was ended by SIGABRT: it gave up"),
        (-signal.SIGTERM, "", "Crash", "the program was ended by SIGTERM"),
        (-signal.SIGSEGV, HUNGRY, "Crash", "the program was ended by SIGSEGV: it used memory"),
        (-signal.SIGSYS, "", "Crash", "the program was ended by SIGSYS: it made a system call"),
    ],
)
def test_every_other_end_is_an_exit_code_or_a_crash_that_names_its_signal(exit_code, words, kind, message):
    ending = ending_of(exit_code, words, "snippet")

    assert isinstance(ending, GuestFailedError)
    assert ending.kind == kind
    assert ending.message.startswith(message)
    assert ending.traceback == ""


def test_a_signal_without_a_name_is_told_by_its_number():
    assert ending_of(-40, "", "").message == "the program was ended by signal 40"


def test_an_abort_after_rusts_words_about_memory_is_the_limit_of_memory():
    assert isinstance(ending_of(-signal.SIGABRT, HUNGRY, ""), OutOfMemoryError)


def test_a_panic_that_must_not_unwind_is_a_crash_with_its_place():
    ending = ending_of(-signal.SIGABRT, NEW, "")

    assert (ending.kind, ending.traceback) == ("Crash", "  guest.rs:2:1")


@pytest.mark.parametrize(
    ("code", "place", "shown"),
    [
        ('panic!("no")', "guest.rs:1:98", "guest.rs:1"),
        ('\npanic!("no")', "guest.rs:2:1", "guest.rs:2:1"),
        ('fn main() { panic!("no") }', "guest.rs:1:13", "guest.rs:1:13"),
        ("[0][n]", "library/core/src/slice.rs:1:5", "library/core/src/slice.rs:1:5"),
    ],
)
def test_the_place_of_a_panic_has_a_column_only_where_it_is_one_of_the_users(code, place, shown):
    for words in (f"panicked at 'no', {place}\nnote: run", f"panicked at {place}:\nno\nnote: run"):
        assert ending_of(101, words, code).traceback == f"  {shown}"

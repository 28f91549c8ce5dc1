"""Tools belong to a request, also where one worker serves several; a guest may interrupt its own calls."""

from __future__ import annotations

import threading

import pytest

from dspex_actors import Completed, Limits, values
from dspex_actors.workers import ToolFailure
from tests.integration._tools import CEILING_S, QUICK, TIMERS

pytestmark = pytest.mark.may_leak(
    "the zygote of the module forks and reaps; the module is checked as a whole"
)


class Tools:
    """Runs functions, each call in a thread."""

    def __init__(self, **functions):
        self.functions = functions
        self.calls = []

    @property
    def names(self):
        return tuple(self.functions)

    def call(self, name, args, kwargs, answer):
        self.calls.append(name)
        threading.Thread(target=self._run, args=(name, args, kwargs, answer), daemon=True).start()

    def _run(self, name, args, kwargs, answer):
        try:
            value = self.functions[name](*args, **kwargs)
        except Exception as error:  # noqa: BLE001 -- as the real one
            answer(ToolFailure(type(error).__name__, str(error)))
        else:
            answer(values.encode(value))

    def close(self):
        pass


@pytest.fixture
def kept(zygote):
    """Give a function that runs code in one worker, request after request."""
    with zygote.worker() as worker:

        def execute(code, limits=QUICK, on_output=None, **functions):
            tools = Tools(**functions) if functions else None
            return worker.execute(code, None, limits, TIMERS, on_output, keep=True, tools=tools)

        yield execute


def test_each_request_has_its_own_tools_and_the_last_ones_names_answer_with_an_error(kept):
    first = kept("g = f\nf(1)", f=lambda x: x + 1)
    without = kept("try:\n    g(1)\nexcept ToolError as e:\n    r = str(e)\nr")
    other = kept("try:\n    g(1)\nexcept ToolError as e:\n    r = e.error_type\nh(1), r", h=lambda x: x)
    again = kept("g(1), f(2)", f=lambda x: -x)

    assert first.value == 2
    assert without.value == "f: LookupError: the execution that had this tool is over"
    assert other.value == (1, "LookupError")
    assert again.value == (-1, -2)


def test_calls_are_counted_for_each_request_alone(kept):
    limits = Limits(time_s=CEILING_S, tool_calls=2)
    results = [kept("f()\nf()", limits, f=lambda: 1) for _ in range(3)]

    assert [result.value for result in results] == [1] * 3
    assert [result.usage.tool_calls for result in results] == [2] * 3


def test_a_thread_that_goes_on_calling_after_the_end_breaks_nothing(kept):
    code = """
import threading
refused = threading.Event()
def work():
    try:
        while True:
            f()
    except ToolError:
        refused.set()
threading.Thread(target=work, daemon=True).start()
f()
"""
    first = kept(code, f=lambda: 1)
    second = kept("refused.wait(10)")

    assert (first.value, second.value) == (1, True)


INTERRUPTED = """
import signal
class Late(Exception): pass
def on_alarm(number, frame): {action}
signal.signal(signal.SIGALRM, on_alarm)
signal.setitimer(signal.ITIMER_REAL, 0.05)
try:
    f("slow")
except (Late, RuntimeError) as error:
    seen = str(error)
    print("interrupted")
"""


class Gate:
    """A tool whose slow call ends after its guest has printed that it was interrupted."""

    def __init__(self):
        self._open = threading.Event()

    def __call__(self, word):
        if word == "slow":
            assert self._open.wait(CEILING_S)
        return word

    def on_output(self, stream, text):
        del stream
        if "interrupted" in text:
            self._open.set()


def test_the_late_answer_to_an_interrupted_call_is_given_to_no_other_call(kept):
    gate = Gate()
    code = INTERRUPTED.format(action="raise Late('late')") + "seen, f('quick')"
    result = kept(code, on_output=gate.on_output, f=gate)

    assert isinstance(result, Completed), result
    assert result.value == ("late", "quick")


def test_a_request_that_ends_after_an_interrupted_call_ends_in_order(kept):
    gate = Gate()
    first = kept(INTERRUPTED.format(action="raise Late('late')") + "seen", on_output=gate.on_output, f=gate)
    second = kept("1 + 1")

    assert (first.value, second.value) == ("late", 2)


def test_a_tool_called_by_a_signal_handler_within_a_call_is_an_error_of_the_guest(kept):
    gate = Gate()
    first = kept(INTERRUPTED.format(action="f('nested')") + "seen", on_output=gate.on_output, f=gate)
    second = kept("1 + 1")

    assert first.value == "f() was called while this thread waits for another tool"
    assert second.value == 2


def test_a_tool_called_by_a_finaliser_at_the_end_of_the_code_still_works(kept):
    seen = []
    code = "class A:\n    def __del__(self): f('gone')\na = A()\ndel a\n'end'"

    assert kept(code, f=seen.append).value == "end"
    assert seen == ["gone"]


def test_output_and_calls_of_many_threads_do_not_mix_their_frames(kept):
    code = """
import sys, threading
def talk():
    for step in range(30):
        sys.stdout.write("x" * 59_999 + "\\n")
def work():
    for step in range(30):
        f("y" * 300_000)
threads = [threading.Thread(target=target) for target in (talk, work)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"done"
"""
    limits = Limits(time_s=60, output_bytes=10**7)
    result = kept(code, limits, f=len)

    assert isinstance(result, Completed), result
    assert result.value == "done"
    assert result.stdout == ("x" * 59_999 + "\n") * 30

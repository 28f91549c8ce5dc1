"""The console of JavaScript: what it writes is told with its levels, in order, within the limit of output."""

from __future__ import annotations

import pytest

from dspex_actors import Completed, ConsoleMessage, Failed, LimitExceeded, Limits, WorkerDied
from tests._engines import need_engine

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")


@pytest.fixture(scope="module", autouse=True)
def _engine():
    need_engine("javascript")


@pytest.fixture(scope="module")
def session(runtime):
    with runtime.session(language="javascript") as session:
        yield session


@pytest.mark.parametrize(
    ("code", "messages"),
    [
        ("console.debug('d'); console.info('i'); console.error('e')",
         [("debug", "d"), ("info", "i"), ("error", "e")]),
        ("console.table(['t'].map((x) => [x]).slice(1)); console.dir({ a: 1 })",
         [("table", "┌─────────┐\n│ (index) │\n├─────────┤\n└─────────┘"), ("dir", "{ a: 1 }")]),
        ("console.group('g'); console.log('in'); console.groupEnd()", [("group", "g"), ("log", "  in")]),
        ("console.assert(true, 'no'); console.assert(false, 'yes')", [("assert", "Assertion failed: yes")]),
        ("console.count(); console.count()", [("count", "default: 1"), ("count", "default: 2")]),
        ("const { warn } = console; warn('%s!', 'w'); [1].forEach(console.log)",
         [("warn", "w!"), ("log", "1 0 [ 1 ]")]),
        ("console.log('a\\ud800'); console.log(''); console.log('a\\n')",
         [("log", "a\ufffd"), ("log", ""), ("log", "a\n")]),
        ("process.stdout.write('no console\\n'); process.stderr.write('e\\n')", []),
        ("try { console.log('%d', { [Symbol.toPrimitive]() { throw 1; } }) } catch {}", []),
        ("setTimeout(() => console.warn('late'), 5)", [("warn", "late")]),
    ],
)  # fmt: skip
def test_each_message_of_the_console_has_the_level_of_the_method_that_was_called(session, code, messages):
    result = session.execute(f"{code}; undefined")

    assert isinstance(result, Completed), result
    assert [(each.level, each.text) for each in result.console] == messages


def test_a_trace_of_the_console_begins_with_the_guests_own_call(session):
    result = session.execute("function here() {\n console.trace('%d', 1)\n}\nhere()")

    assert result.stderr.startswith("Trace: 1\n    at here (<guest")
    assert [(each.level, f"{each.text}\n") for each in result.console] == [("trace", result.stderr)]


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        ("for (;;) poke()", LimitExceeded),
        ("process.exit(3)", WorkerDied),
        ("process.kill(process.pid, 'SIGKILL')", WorkerDied),
        ("throw new Error('x')", Failed),
    ],
)
def test_what_the_console_has_told_stays_however_the_guest_ends(runtime, ending, kind):
    code = f"console.warn('before');\n{ending}"
    limits = Limits(time_s=60.0, tool_calls=1)
    result = runtime.execute(code, language="javascript", limits=limits, tools={"poke": lambda: None})

    assert isinstance(result, kind), result
    assert result.console == (ConsoleMessage("warn", "before"),)


@pytest.mark.parametrize(
    ("text", "kept", "dropped"),
    [
        ("'x'.repeat(1000)", 1000, 0),
        ("'x'.repeat(1001)", 1000, 1),
        ("'ü'.repeat(501)", 500, 1),
        ("'x'.repeat(2 ** 27)", 1000, 1),
    ],
)
def test_a_message_is_whole_up_to_the_limit_of_output_and_cut_beyond_it(session, text, kept, dropped):
    result = session.execute(f"console.log({text}); 1", limits=Limits(time_s=60.0, output_bytes=1000))

    assert (result.value, result.usage.notes_dropped) == (1, dropped)
    assert [len(each.text) for each in result.console] == [kept]


def test_messages_of_the_console_are_kept_up_to_a_number(session):
    result = session.execute("for (let i = 0; i < 10100; i++) console.log(); 1")

    assert (result.value, len(result.console)) == (1, 10_000)
    assert result.usage.notes_dropped == 100

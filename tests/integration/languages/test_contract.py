"""What every language promises, one program for each promise in each language."""

from __future__ import annotations

import socket
import struct

import pytest

from dspex_actors import (
    MIB,
    Completed,
    ConfigError,
    Failed,
    LimitExceeded,
    Limits,
    Policy,
    RollbackUnavailableError,
    SessionKind,
)
from tests._engines import LANGUAGES
from tests.integration._tools import SHORT

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")


def program(row, column, **filled):
    """Return a program of a row; a language without one says so."""
    if column in row.cannot:
        pytest.skip(f"{row.language}: {row.cannot[column]}")
    code = getattr(row, column)
    return code.format(**filled) if filled else code


def same(sent, received):
    """Whether two values are equal, of the same types, and of the same sign if they are zero."""
    if type(sent) is not type(received):
        return False
    if isinstance(sent, float):
        return struct.pack("d", sent) == struct.pack("d", received)
    if isinstance(sent, (list, tuple)):
        return len(sent) == len(received) and all(map(same, sent, received))
    if isinstance(sent, dict):
        return list(sent) == list(received) and all(map(same, sent.values(), received.values()))
    return sent == received


def has_sessions(runtime, row):
    """Whether there are sessions in a language; where there are none, asking for one is refused."""
    if LANGUAGES[row.language].sessions is not SessionKind.NONE:
        return True
    with pytest.raises(ConfigError, match="a language that has sessions"):
        runtime.session(language=row.language)
    return False


def test_a_program_gives_the_value_of_its_last_expression(run, row):
    result = run(program(row, "two"))

    assert isinstance(result, Completed), result
    assert (result.value, result.stdout, result.stderr) == (2, "", "")
    assert result.usage.cpu_s is not None
    assert result.usage.memory_peak_bytes > MIB


def test_values_cross_into_the_language_and_back_unchanged(run, row):
    echoed = run(program(row, "echo"), variables={"x": list(row.values)})

    assert isinstance(echoed, Completed), echoed
    wrong = [pair for pair in zip(row.values, echoed.value, strict=True) if not same(*pair)]
    assert wrong == []


def test_values_that_the_language_has_in_another_form_come_back_as_that(run, row):
    echoed = run(program(row, "echo"), variables={"x": [sent for sent, _ in row.changed]})

    assert isinstance(echoed, Completed), echoed
    expected = [received for _, received in row.changed]
    assert [pair for pair in zip(expected, echoed.value, strict=True) if not same(*pair)] == []


def test_variables_are_bound_by_their_names(run, row):
    assert run(program(row, "total"), variables={"a": 40, "b": 2}).value == 42


def test_output_is_captured_each_stream_by_itself_and_streamed(run, row):
    seen = {"stdout": "", "stderr": ""}

    def note(stream, text):
        seen[stream] += text

    result = run(program(row, "prints"), on_output=note)

    assert (result.stdout, result.stderr) == ("out\n", "err\n")
    assert bool(result.console) == bool(row.chats[0])
    assert seen == {"stdout": "out\n", "stderr": "err\n"}


def test_a_program_that_does_not_compile_fails_with_its_line(run, row):
    code, kind = program(row, "broken")
    result = run(code)

    assert isinstance(result, Failed), result
    assert result.error.type == kind
    assert "2" in result.error.message + result.error.traceback
    assert tuple((each.line, each.column) for each in result.diagnostics) == row.wrong
    assert {each.level for each in result.diagnostics} == ({"error"} if row.wrong else set())
    assert result.error.diagnostics == result.diagnostics


def test_the_warnings_of_a_compiler_are_told_each_time_a_program_runs(run, row):
    code, lines = row.warns
    for _ in range(2 if code else 0):
        result = run(code)

        assert isinstance(result, Completed), result
        assert sorted((each.level, each.line) for each in result.diagnostics) == [
            ("warning", line) for line in lines
        ]
        assert result.value == 2


def test_what_a_program_writes_by_its_console_is_told_with_its_levels(run, row):
    code, messages = row.chats
    if not code:
        return  # it has none, and what it prints is told by no console: see above
    result = run(code)

    assert isinstance(result, Completed), result
    assert (result.value, result.diagnostics) == (2, ())
    assert tuple((each.level, each.text) for each in result.console) == messages


def test_a_failure_has_its_type_its_text_and_the_line_in_the_program(run, row):
    code, kind = program(row, "raises")
    result = run(code)

    assert isinstance(result, Failed), result
    assert (result.error.type, result.error.message) == (kind, "so it goes")
    lines = result.error.traceback.splitlines()
    assert any("2" in line and "guest" in line for line in lines), lines
    assert "driver" not in result.error.traceback


def test_a_program_that_never_ends_is_killed_and_the_next_one_runs(run, row):
    result = run(program(row, "loop"), limits=SHORT)

    assert isinstance(result, LimitExceeded), result
    assert (result.limit, result.allowed) == ("time", SHORT.time_s)
    assert run(program(row, "two")).value == 2


def test_a_program_that_takes_too_much_memory_is_stopped_at_the_limit(run, row):
    result = run(program(row, "hungry"), limits=Limits(time_s=60.0, memory_bytes=48 * MIB))

    assert isinstance(result, LimitExceeded), result
    assert (result.limit, result.allowed) == ("memory", 48 * MIB)


def test_a_flood_of_output_is_cut_at_the_limit_and_counted(run, row):
    result = run(program(row, "flood"), limits=Limits(time_s=60.0, output_bytes=1000))

    assert isinstance(result, Completed), result
    assert result.value == 1
    assert len(result.stdout) == 1000
    assert result.usage.output_dropped_bytes == 2000 * 100 - 1000
    kept = 11 if row.chats[0] else 0  # lines of 99 characters, the last one cut
    assert len(result.console) == kept
    assert sum(len(each.text) for each in result.console) == (1000 if kept else 0)
    assert result.usage.notes_dropped == (2000 - kept + 1 if kept else 0)


@pytest.mark.parametrize(("result_bytes", "fits"), [(6000, True), (4000, False)])
def test_a_value_that_is_too_large_is_a_limit_exceeded(run, row, result_bytes, fits):
    result = run(program(row, "long_text"), limits=Limits(time_s=30.0, result_bytes=result_bytes))

    if fits:
        assert result.value == "x" * 5000
    else:
        assert isinstance(result, LimitExceeded), result
        assert (result.limit, result.allowed) == ("result", 4000)
        assert result.used > 4000


def test_a_program_has_no_network_not_even_this_machines(run, row):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = run(program(row, "connects", port=port))

    assert isinstance(result, Failed), result


def test_a_program_reads_no_file_of_the_host(run, row, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    secret.chmod(0o666)

    for path in (str(secret), "/etc/passwd", "/proc/self/environ"):
        assert isinstance(run(program(row, "reads", path=path)), Failed), path


def test_a_program_finds_the_environment_of_its_policy_and_nothing_of_the_hosts(runtime, row, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_HOST", "1")
    own = LANGUAGES[row.language].policy
    policy = Policy(profile=own.profile, packages=own.packages, environment={"OF_THE_POLICY": "1"})
    result = runtime.execute(program(row, "environment"), language=row.language, policy=policy)

    ours = {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "ERL_CRASH_DUMP_SECONDS"}
    assert set(result.value) - ours == {"OF_THE_POLICY"}


def test_eight_programs_run_at_once_and_none_gets_anothers_value(runtime, row):
    code = program(row, "echo")
    futures = [
        runtime.submit(code, language=row.language, variables={"x": number}, queue_wait_s=60.0)
        for number in range(8)
    ]

    results = [future.result() for future in futures]
    assert [result.value for result in results] == list(range(8))
    assert len({result.worker.id for result in results}) == 8


def test_a_session_whose_language_keeps_no_copies_says_so_when_asked_for_one(runtime, row):
    if not has_sessions(runtime, row):
        return
    with runtime.session(language=row.language) as session:
        if LANGUAGES[row.language].sessions.value == "rolled_back":
            session.checkpoint()
            return
        with pytest.raises(RollbackUnavailableError, match="the engine of its language cannot be copied"):
            session.checkpoint()


def test_each_execution_starts_from_nothing_whatever_the_last_one_has_left(run, row):
    remember, recall = program(row, "remember"), program(row, "recall")

    assert isinstance(run(remember), Completed)
    assert isinstance(run(recall), Failed)


def test_a_session_keeps_its_names_from_call_to_call_and_over_a_failure(runtime, row):
    if not has_sessions(runtime, row):
        return
    with runtime.session(language=row.language) as session:
        session.execute(program(row, "remember"))
        assert isinstance(session.execute(row.raises[0]), Failed)

        assert session.execute(program(row, "recall")).value == 42
        assert session["kept"] == 41
        with pytest.raises(KeyError):
            session["nothing"]


def test_a_session_goes_on_after_a_call_that_was_killed_as_its_language_says(runtime, row):
    if not has_sessions(runtime, row):
        return
    kind = LANGUAGES[row.language].sessions.value
    with runtime.session(language=row.language) as session:
        session.execute(program(row, "remember"))
        killed = session.execute(program(row, "loop"), limits=SHORT)
        after = session.execute(program(row, "recall"))

    assert isinstance(killed, LimitExceeded)
    if kind == "rolled_back":
        assert (killed.session.fate, after.value) == ("rolled_back", 42)
    elif kind == "kept":
        assert (killed.session.fate, after.value) == ("kept", 42)
    else:
        assert killed.session.fate == "lost"
        assert isinstance(after, Failed)


@pytest.mark.slow
def test_cpu_time_is_limited_apart_from_the_time_on_the_clock(run, row):
    result = run(program(row, "loop"), limits=Limits(time_s=100.0, cpu_s=1.0))

    assert isinstance(result, LimitExceeded), result
    assert (result.limit, result.allowed) == ("cpu", 1.0)


def test_cpu_time_of_a_call_in_a_session_is_limited_as_well(runtime, row):
    if not has_sessions(runtime, row):
        return
    with runtime.session(language=row.language) as session:
        result = session.execute(program(row, "loop"), limits=Limits(time_s=100.0, cpu_s=0.5))

    assert isinstance(result, LimitExceeded), result
    assert (result.limit, result.allowed) == ("cpu", 0.5)

"""Log records: levels after OTP, through structlog only where the program has configured it."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest
import structlog

from supervisors import NORMAL, SHUTDOWN, Crash, Shutdown, StartError, Stop, Supervisor
from supervisors._log import log
from supervisors.testing import Events, Misbehaving, wait_exit, wait_restarted


@pytest.fixture(autouse=True)
def everything(caplog):
    caplog.set_level(logging.DEBUG, logger="supervisors")


def levels(caplog, event, about):
    """Return the levels of one event about one actor; the last words of another test's may come late."""
    messages = [(record.levelname, record.getMessage()) for record in caplog.records]
    return [level for level, message in messages if message.startswith(event) and about in message]


@pytest.mark.parametrize("reason", [NORMAL, SHUTDOWN])
def test_good_exits_are_logged_for_debugging_only(caplog, reason):
    actor = Misbehaving.start(name="good")
    actor.stop(reason)

    assert levels(caplog, "actor.exited", "good") == ["DEBUG"]


def test_the_crash_of_an_unsupervised_actor_is_an_error_with_its_traceback(caplog):
    actor = Misbehaving.start(name="bad")
    actor.cast(("raise", ValueError("x")))
    pid = actor.root
    wait_exit(pid)
    pid.thread.join()

    assert levels(caplog, "actor.exited", "bad") == ["ERROR"]
    assert "testing.py" in caplog.text


def test_a_restart_is_a_warning_and_the_child_itself_logs_no_error(caplog):
    with Supervisor.start([Misbehaving.child_spec(id="a")], name="warned") as tree:
        old = tree.child("a").pid
        tree.child("a").cast(("raise", ValueError("x")))
        wait_restarted(tree.child("a"), old)

    assert levels(caplog, "supervisor.child_exited", "warned") == ["WARNING"]
    assert "ERROR" not in levels(caplog, "", "warned")


def test_giving_up_is_an_error(caplog):
    tree = Supervisor.start([Misbehaving.child_spec(id="a")], intensity=0, name="given up")
    tree.child("a").cast(("raise", ValueError("x")))
    wait_exit(tree)

    assert levels(caplog, "supervisor.restarts_exceeded", "given up") == ["ERROR"]


def test_the_good_exit_of_a_transient_child_is_no_warning(caplog):
    with Supervisor.start([Misbehaving.child_spec(id="a", restart="transient")], name="quiet") as tree:
        events = Events(tree.system)
        tree.child("a").cast(("stop", NORMAL))
        events.names.wait_for("supervisor.child_exited")
        tree.count_children()

    assert levels(caplog, "supervisor.child_exited", "quiet") == ["DEBUG"]


def about_things(messages):
    """Leave out the last words of an actor of an earlier test."""
    return [message for message in messages if message.startswith("thing.")]


def test_a_record_holds_a_fixed_event_and_keys(caplog):
    log("warning", "thing.done", name="a b", count=3)

    assert about_things(caplog.messages) == ["thing.done name='a b' count=3"]


def test_records_go_to_structlog_when_the_program_has_configured_it(caplog):
    captured = structlog.testing.LogCapture()
    structlog.configure(processors=[captured], cache_logger_on_first_use=False)
    try:
        log("warning", "thing.done", count=3)
    finally:
        structlog.reset_defaults()

    entries = [entry for entry in captured.entries if about_things([entry["event"]])]
    assert entries == [{"event": "thing.done", "log_level": "warning", "count": 3}]
    assert about_things(caplog.messages) == []


def test_structlog_is_not_imported_for_a_program_that_does_not_use_it():
    program = (
        "import sys\n"
        "from supervisors._log import log\n"
        "log('info', 'hidden.event'); log('warning', 'shown.event')\n"
        "assert 'structlog' not in sys.modules\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.split() == ["shown.event"]


@pytest.mark.parametrize(
    ("reason", "level"), [(Shutdown("no sandbox here"), "DEBUG"), (Crash("E", "x"), "WARNING")]
)
def test_a_start_that_ends_in_order_is_logged_for_debugging_only(caplog, reason, level):
    spec = Misbehaving.child_spec(id="a", on_init=lambda _: Stop(reason))
    with pytest.raises(StartError):
        Supervisor.start([Supervisor.child_spec([spec], id="inner")], name="orderly")

    assert levels(caplog, "supervisor.child_start_failed", "orderly/inner") == [level]
    assert "ERROR" not in levels(caplog, "", "orderly")


@pytest.mark.parametrize(("level", "heard"), [("debug", False), ("info", False), ("warning", True)])
def test_a_record_is_heard_if_the_logger_takes_its_level(caplog, level, heard):
    caplog.set_level(logging.WARNING, logger="supervisors")

    assert log.is_heard(level) is heard


def test_every_record_is_heard_where_structlog_is_configured(caplog):
    caplog.set_level(logging.CRITICAL, logger="supervisors")
    structlog.configure()
    try:
        assert log.is_heard("debug")
    finally:
        structlog.reset_defaults()

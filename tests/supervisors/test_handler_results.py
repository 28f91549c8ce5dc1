"""What a handler must not return ends its actor, as in OTP, and the error says what is allowed."""

from __future__ import annotations

import pytest

from supervisors import Continue, Crash, GenServer
from supervisors.testing import wait_exit


class Careless(GenServer):
    """Returns what it is told to."""

    def handle_cast(self, message):
        return message

    def handle_info(self, message):
        return message

    def handle_continue(self, term):
        return term


@pytest.mark.parametrize("send", ["cast", "send_info"])
@pytest.mark.parametrize("returned", [42, "reply", Continue(42)])
def test_a_handler_that_returns_something_unknown_crashes_its_actor(send, returned, caplog):
    caplog.set_level("CRITICAL")
    with Careless.start() as server:
        pid = server.pid
        getattr(server, send)(returned)
        reason = wait_exit(pid)

    assert isinstance(reason, Crash)
    assert reason.error_type == "TypeError"
    assert "allowed are None, Continue, Timeout and Stop" in reason.message


@pytest.mark.parametrize("send", ["cast", "send_info"])
@pytest.mark.parametrize("returned", [None, Continue(None)])
def test_a_handler_that_returns_what_is_allowed_lives_on(send, returned):
    with Careless.start() as server:
        getattr(server, send)(returned)
        server.stop()
        assert server.find().exit_reason is not None
        assert not isinstance(server.find().exit_reason, Crash)

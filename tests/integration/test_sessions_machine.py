"""Sessions on machines that lack something, as another user, and when their host is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from dspex_actors import Policy, RollbackUnavailableError, SessionState
from dspex_actors.executors import _zygote_actor
from dspex_actors.workers import zygote_config
from tests._nobody import NOBODY, readable_interpreter
from tests.integration._sessions import wait_members
from tests.integration._tools import CEILING_S, SHORT, runtime_of

REPOSITORY = Path(__file__).resolve().parents[2]
LACKING = {
    "pid_namespace": "it needs the layer pid_namespace: switched off",
    "seccomp": "it needs the layer seccomp: switched off",
    "user_notification": "it needs seccomp's user notification: switched off",
}


@pytest.fixture(params=LACKING)
def lesser_session(request, monkeypatch):
    """Yield a session of a machine that lacks what copies need, and what it says of that."""
    lesser = partial(zygote_config, disabled_layers=(request.param,))
    monkeypatch.setattr(_zygote_actor, "zygote_config", lesser)
    with runtime_of(spares=0, policy=Policy(require=())) as runtime, runtime.session() as session:
        yield session, LACKING[request.param]


class TestWithoutWhatCopiesNeed:
    def test_a_session_works_and_says_why_it_could_not_be_rolled_back(self, lesser_session):
        session, reason = lesser_session
        session.execute("x = 42")
        result = session.execute("x += 1; x")

        assert (result.value, result.session) == (43, SessionState(fate="kept", calls=2))
        assert (session.rollback_state.status, session.rollback_state.reason) == ("unavailable", reason)

    def test_a_killed_call_loses_the_state_and_says_so(self, lesser_session):
        session, reason = lesser_session
        session.execute("x = 42")
        result = session.execute("while True: pass", limits=SHORT)

        assert (result.session.fate, result.session.calls, result.session.undone) == ("lost", 0, 1)
        assert reason in result.session.reason
        assert session.execute("'x' in globals()").value is False

    def test_what_is_asked_for_by_hand_is_refused_with_the_same_reason(self, lesser_session):
        session, reason = lesser_session
        for refused in (session.checkpoint, session.fork, session.rollback):
            with pytest.raises(RollbackUnavailableError, match=reason):
                refused()
        assert session.execute("1 + 1").value == 2


PROGRAM = """
import os
import dspex_actors as dspex
from tests.integration._sessions import namespace_of

with dspex.Runtime() as rt, rt.session() as session:
    session.execute("x = 42")
    killed = session.execute("x = 0\\nwhile True: pass", limits=dspex.Limits(time_s=0.2))
    with session.fork() as branch:
        branch.execute("x = 7")
        pid = session.execute("1").worker.pid
        print(os.getuid(), killed.session.fate, session["x"], branch["x"], namespace_of(pid), flush=True)
        if {kill}:
            os.kill(os.getpid(), 9)
"""


def host(python, *, kill, **options):
    """Start a host of its own that has two branches of a session; with `kill` it kills itself."""
    site = [path for path in sys.path if path.endswith("-packages")]
    return subprocess.Popen(
        [python, "-B", "-c", PROGRAM.replace("{kill}", str(kill))],
        cwd="/",
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *site])},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.parametrize("kill", [False, True], ids=["in order", "killed"])
def test_when_the_host_ends_nothing_of_its_sessions_is_left(tmp_path, kill, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with host(sys.executable, kill=kill) as program:
        _, fate, x, of_branch, namespace = program.stdout.readline().split()
        program.wait(CEILING_S)

    assert (fate, x, of_branch) == ("rolled_back", "42", "7")
    assert wait_members(int(namespace), 0) == {}
    assert list(tmp_path.iterdir()) == []


def test_sessions_of_an_ordinary_user_are_rolled_back_too():
    options = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    python = readable_interpreter() if options else sys.executable
    if python is None:
        pytest.skip("no interpreter of this version can be run by other users")
    with host(python, kill=False, **options) as program:
        uid, fate, x, of_branch, namespace = program.stdout.readline().split()
        program.wait(CEILING_S)

    assert (uid, fate, x, of_branch) == (str(os.getuid() or NOBODY), "rolled_back", "42", "7")
    assert (program.returncode, wait_members(int(namespace), 0)) == (0, {})

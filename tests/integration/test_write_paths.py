"""Guests work on copies of the folders that the policy names, brought back only after a good end."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest

from dspex_actors import (
    Completed,
    ConfigError,
    Failed,
    LimitExceeded,
    Limits,
    Policy,
    RollbackUnavailableError,
    SandboxUnavailableError,
    WorkerDied,
    WritePathError,
)
from dspex_actors._policy import LAYERS
from dspex_actors.executors import _zygote_actor
from dspex_actors.workers import zygote_config
from tests.integration._tools import CEILING_S, Events, runtime_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.may_leak("spares of the module's runtime come and go")

_NAMESPACES = [layer for layer in LAYERS if layer.endswith("_namespace")]


@pytest.fixture(scope="module")
def mount(tmp_path_factory):
    """Return the host's folder that all tests of this module share; each finds it as `OLD`."""
    folder = tmp_path_factory.mktemp("host") / "project"
    folder.mkdir()
    for path in (folder, folder.parent, folder.parent.parent):
        path.chmod(0o755)
    return folder


OLD = {"a.txt": "old a", "d/b.txt": "old b"}


@pytest.fixture
def host(mount):
    fill(mount)
    return mount


def fill(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    (folder / "d").mkdir()
    for name, text in OLD.items():
        (folder / name).write_text(text)


def files_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() or path.is_symlink()
    }


@pytest.fixture(scope="module", params=["process", "shell", "trusted"])
def runtime(request, mount, clean_module):  # noqa: ARG001 -- set up before
    policy = Policy(profile=request.param, write_paths={"project": mount}, scratch_bytes=4 * 2**20)
    with runtime_of(policy=policy, spares=1) as runtime:
        yield runtime
    assert runtime.stop().clean


CHANGE = (
    "import os\n"
    "seen = open('project/a.txt').read()\n"
    "open('project/a.txt', 'w').write('new a')\n"
    "os.remove('project/d/b.txt')\n"
    "os.makedirs('project/n')\n"
    "open('project/n/c.txt', 'w').write('new c')\n"
)
NEW = {"a.txt": "new a", "n/c.txt": "new c"}


def test_an_execution_that_completes_leaves_the_hosts_folder_as_its_copy(runtime, host):
    result = runtime.execute(f"{CHANGE}\nseen")

    assert (result.value, files_of(host)) == ("old a", NEW)
    assert result.write_back.done
    assert result.write_back.written == ("project/a.txt", "project/n/c.txt")
    assert result.write_back.removed == ("project/d/b.txt",)


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        ("1 / 0", Failed),
        ("object()", Failed),  # a value that cannot cross
        ("while True: pass", LimitExceeded),
        ("bytes(2 * 10**6)", LimitExceeded),
        ("os._exit(0)", WorkerDied),
        ("import ctypes; ctypes.string_at(0)", WorkerDied),
    ],
)
def test_after_any_other_end_the_hosts_folder_is_as_it_was(runtime, host, ending, kind):
    limits = Limits(time_s=1.0 if "while" in ending else 20.0, result_bytes=10**6)
    result = runtime.execute(f"{CHANGE}\n{ending}", limits=limits)

    assert isinstance(result, kind), result
    assert files_of(host) == OLD
    assert (result.write_back.done, result.write_back.reason) == (False, "the execution did not complete")


def test_an_execution_that_is_cancelled_changes_nothing(runtime, host):
    running = threading.Event()
    code = f"{CHANGE}\nprint('running', flush=True)\nimport threading; threading.Event().wait()"
    events = Events(runtime.telemetry, "execution.finished")
    future = runtime.submit(code, on_output=lambda *_: running.set(), limits=Limits(time_s=60))
    assert running.wait(CEILING_S)

    future.cancel()
    [(_, facts)] = events.wait("execution.finished")
    events.detach()

    assert not facts["result"].write_back.done
    assert files_of(host) == OLD


HOSTILE = {
    "a link to a file of the host": "os.symlink('/etc/passwd', 'project/link')",
    "a link in place of a file": "os.remove('project/a.txt'); os.symlink('/etc/passwd', 'project/a.txt')",
    "a link in place of a folder": "shutil.rmtree('project/d'); os.symlink('/etc', 'project/d')",
    "a link in place of all": "shutil.rmtree('project'); os.symlink('/etc', 'project')",
    "a name that is not UTF-8": r"open(b'project/caf\xe9', 'w')",
    "a folder in place of a file": "os.remove('project/a.txt'); os.mkdir('project/a.txt')",
    "nothing at all in its place": "shutil.rmtree('project')",
    "more than the quota, of holes": ("[open(f'project/{n}', 'wb').truncate(2**20) for n in range(5)]"),
    "folders without end": "[(os.mkdir('d'), os.chdir('d')) for _ in range([os.chdir('project/d'), 40][1])]",
}


@pytest.mark.parametrize("attempt", HOSTILE)
def test_what_cannot_be_written_back_makes_a_failure_that_says_so_and_changes_nothing(runtime, host, attempt):
    result = runtime.execute(
        f"import os, shutil\nopen('project/new', 'w').write('x')\n{HOSTILE[attempt]}\n'done'"
    )

    assert isinstance(result, Failed), result
    assert result.error.type == "WriteBackError"
    assert (result.error.message, result.write_back.done) == (result.write_back.reason, False)
    assert "project" in result.error.message
    assert files_of(host) == OLD
    assert (result.write_back.written, result.write_back.removed) == ((), ())


def test_what_somebody_else_changed_on_the_host_meanwhile_is_not_overwritten(runtime, host):
    def meanwhile(*_):
        (host / "a.txt").write_text("by somebody else")

    code = "meet()\nopen('project/a.txt', 'w').write('mine')"
    result = runtime.execute(code, tools={"meet": meanwhile})

    assert result.error.type == "WriteBackError"
    assert "changed meanwhile" in result.error.message
    assert files_of(host) == {**OLD, "a.txt": "by somebody else"}


def test_a_link_on_the_host_is_not_shown_to_the_guest_and_not_written_through(runtime, host, tmp_path):
    (tmp_path / "outside").write_text("kept")
    (host / "link").symlink_to(tmp_path / "outside")

    unseen = runtime.execute("import os; sorted(os.listdir('project'))")
    through = runtime.execute("open('project/link', 'w').write('x')")

    assert unseen.value == ["a.txt", "d"]
    assert through.error.type == "WriteBackError"
    assert (host / "link").is_symlink()
    assert (tmp_path / "outside").read_text() == "kept"


def test_a_folder_that_is_too_big_to_copy_is_an_error_before_any_code_is_run(runtime, host):
    (host / "big").write_bytes(bytes(5 * 2**20))
    events = Events(runtime.telemetry, "execution.finished")

    with pytest.raises(WritePathError, match="more than 4194304 bytes") as caught:
        runtime.execute("open('project/ran', 'w')")
    [(_, facts)] = events.wait("execution.finished")
    events.detach()

    assert caught.value.path == str(host)
    assert facts["outcome"] == "lost"
    assert "ran" not in files_of(host)
    (host / "big").unlink()
    assert runtime.execute("1 + 1").value == 2


def test_a_folder_that_vanished_is_an_error_and_the_executor_goes_on(runtime, host):
    host.rename(host.with_name("moved"))
    try:
        with pytest.raises(WritePathError, match="No such file"):
            runtime.execute("1 + 1")
    finally:
        host.with_name("moved").rename(host)

    assert runtime.execute("1 + 1").value == 2


def test_many_executions_at_once_each_work_on_a_copy_of_their_own(runtime, host):
    futures = [runtime.submit(f"open('project/f{n}', 'w').write('{n}')") for n in range(8)]

    assert all(isinstance(future.result(), Completed) for future in futures)
    assert files_of(host) == {**OLD, **{f"f{n}": str(n) for n in range(8)}}


def test_in_a_session_every_call_that_completes_is_written_back_and_no_other(runtime, host):
    with runtime.session() as session:
        first = session.execute("open('project/a.txt', 'w').write('1')")
        failed = session.execute("open('project/a.txt', 'w').write('2'); open('project/x', 'w'); 1 / 0")
        assert files_of(host) == {**OLD, "a.txt": "1"}
        killed = session.execute("open('project/y', 'w')\nwhile True: pass", limits=Limits(time_s=0.5))
        last = session.execute("import os\nopen('project/a.txt').read(), sorted(os.listdir('project'))")

    assert [each.write_back.done for each in (first, failed, killed, last)] == [True, False, False, True]
    assert last.value == ("1", ["a.txt", "d"])
    assert files_of(host) == {**OLD, "a.txt": "1"}


def test_a_session_sees_what_the_host_has_changed_between_two_calls(runtime, host):
    with runtime.session() as session:
        session.execute("x = 1")
        (host / "a.txt").write_text("by the host")
        (host / "more").write_text("more")

        assert session.execute("open('project/a.txt').read() + open('project/more').read()").value == (
            "by the hostmore"
        )


def test_a_session_whose_call_cannot_be_written_back_can_undo_its_variables(runtime, host):
    # Only guests of the first can be copied.
    fate = "rolled_back" if runtime.sandbox_report().profile == "process" else "kept"
    with runtime.session(on_error="rollback") as session:
        session.execute("x = 1")
        result = session.execute("import os\nx = 2\nos.symlink('/', 'project/link')")

        assert (result.error.type, result.session.fate) == ("WriteBackError", fate)
        assert session.execute("import os; sorted(os.listdir('project'))").value == ["a.txt", "d"]
    assert files_of(host) == OLD


def test_a_session_with_write_paths_cannot_branch_since_its_branches_would_share_a_copy(runtime, host):
    with runtime.session() as session, pytest.raises(RollbackUnavailableError):
        session.fork()
    assert files_of(host) == OLD


def test_a_thread_that_swaps_folders_in_a_session_cannot_lead_the_host_out(runtime, host, tmp_path):
    (tmp_path / "outside").mkdir()
    begin = (
        "import os, threading\n"
        "def swap():\n"
        "    while True:\n"
        "        try:\n"
        "            os.rename('project/d', 'project/e'); os.symlink(outside, 'project/d')\n"
        "            os.remove('project/d'); os.rename('project/e', 'project/d')\n"
        "        except OSError: pass\n"
        "threading.Thread(target=swap, daemon=True).start()"
    )
    with runtime.session(checkpoint="never") as session:
        session.execute(begin, variables={"outside": str(tmp_path / "outside")})
        for _ in range(20):
            with suppress(WritePathError):  # then the guest has kept itself from working
                session.execute("open('project/a.txt', 'a').write('x')\n1 / 0")
                session.execute("1")

    assert list((tmp_path / "outside").iterdir()) == []
    assert [path for path in host.rglob("*") if path.is_symlink()] == []


def test_the_folder_itself_is_out_of_a_sandboxed_guests_reach(host):
    code = (
        "import os\noutcomes = []\n"
        "attempts = lambda: open(f'{host}/a.txt'), lambda: open(f'{host}/x', 'w'), lambda: os.listdir(host)\n"
        "for attempt in attempts:\n"
        "    try: attempt(); outcomes.append('allowed')\n"
        "    except OSError: outcomes.append('refused')\n"
        "outcomes"
    )
    with runtime_of(policy=Policy(write_paths={"project": host}), spares=1) as runtime:
        assert runtime.sandbox_report().contained
        assert runtime.execute(code, variables={"host": str(host)}).value == ["refused"] * 3


def test_without_namespaces_landlock_alone_holds_and_without_either_nothing_is_started(host, monkeypatch):
    def lacking(*layers):
        monkeypatch.setattr(_zygote_actor, "zygote_config", partial(zygote_config, disabled_layers=layers))

    policy = Policy(write_paths={"project": host}, require=())
    lacking(*_NAMESPACES)
    with runtime_of(policy=policy, spares=1) as runtime:
        assert runtime.execute(CHANGE).write_back.done
    assert files_of(host) == NEW
    lacking("landlock", *_NAMESPACES)
    with pytest.raises(SandboxUnavailableError, match="host_paths"):
        runtime_of(policy=policy)


def test_a_write_path_that_is_no_folder_is_an_error_at_the_start(tmp_path):
    (tmp_path / "file").write_text("")
    for name in ("file", "missing"):
        with pytest.raises(ConfigError, match="folders that exist"):
            runtime_of(policy=Policy(write_paths={"out": tmp_path / name}))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_guest_with_a_user_of_its_own_can_write_its_copy(host):
    with runtime_of(policy=Policy(write_paths={"project": host}), spares=1) as runtime:
        assert runtime.sandbox_report().layers
        result = runtime.execute("import os\nopen('project/a.txt', 'a').write('!'); os.getuid()")

    assert result.value > 0
    assert (host / "a.txt").read_text() == "old a!"
    assert (host / "a.txt").stat().st_uid == 0

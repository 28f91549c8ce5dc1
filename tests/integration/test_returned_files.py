"""What a guest leaves in its scratch folder comes back, however hostile it is, and nothing else does."""

from __future__ import annotations

import textwrap
from contextlib import ExitStack

import pytest

from dspex_actors import Completed, Failed, LimitExceeded, Limits, Policy, WorkerDied
from dspex_actors._policy import LAYERS
from tests.integration._tools import QUICK, TIMERS, BareZygote, Events, runtime_of

pytestmark = pytest.mark.may_leak("spares of the module's runtime come and go")

CANARY = "of the host, and no guest's business"
_NAMESPACES = [layer for layer in LAYERS if layer.endswith("_namespace")]
LIMITED = Limits(time_s=10.0, returned_files=10, returned_bytes=100_000)


@pytest.fixture(scope="module", params=["process", "shell", "trusted"])
def runtime(request, clean_module):  # noqa: ARG001 -- set up before
    with runtime_of(policy=Policy(profile=request.param, files=["**"]), spares=1, limits=LIMITED) as runtime:
        yield runtime
    assert runtime.stop().clean


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_text(CANARY)
    for folder in (tmp_path, tmp_path.parent):
        folder.chmod(0o755)
    return path


def left_by(runtime, code, **variables):
    result = runtime.execute(textwrap.dedent(code), variables=variables)
    assert isinstance(result, Completed), result
    return result.files


def test_files_come_back_with_their_names_and_bytes(runtime):
    files = left_by(
        runtime,
        """
        import os
        os.makedirs("plots/deep")
        open("table.csv", "w").write("1,2")
        open("plots/deep/ü.png", "wb").write(bytes(range(256)))
        """,
    )

    assert files == {"table.csv": b"1,2", "plots/deep/ü.png": bytes(range(256))}
    assert files.left_out == {}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("1 / 0", Failed),
        ("while True: pass", LimitExceeded),
        ("import os; os._exit(3)", WorkerDied),
        ("import ctypes; ctypes.string_at(0)", WorkerDied),
        ("value = [0] * 10**9", LimitExceeded),
    ],
)
def test_they_come_back_whatever_the_end_of_the_execution_was(runtime, code, kind):
    limits = Limits(time_s=1.0) if "while" in code else QUICK
    result = runtime.execute(f"open('log', 'w').write('so far')\n{code}", limits=limits)

    assert isinstance(result, kind), result
    assert result.files == {"log": b"so far"}


HOSTILE = {
    "a link to a file of the host": ("os.symlink(secret, 'leak')", "leak"),
    "a link to a folder of the host": ("os.symlink(os.path.dirname(secret), 'leak')", "leak"),
    "a link to the root": ("os.symlink('/', 'leak')", "leak"),
    "a link in a folder": ("os.mkdir('d'); os.symlink(secret, 'd/leak')", "d/leak"),
    "a link that goes up": ("os.symlink('../' * 20 + secret[1:], 'leak')", "leak"),
    "a link to itself": ("os.symlink('leak', 'leak')", "leak"),
    "a claim of a terabyte": ("open('leak', 'wb').truncate(min(1 << 40, size))", "leak"),
    "a name that is not UTF-8": (r"open(b'caf\xe9', 'w').write('x')", r"caf\xe9"),
    "a folder whose name is not UTF-8": (r"os.mkdir(b'caf\xe9'); open(b'caf\xe9/f', 'w')", r"caf\xe9"),
    "a socket": ("socket.socketpair()[0].bind('leak')", "leak"),
    "a pipe that nobody writes to": ("os.mkfifo('leak')", "leak"),
    "a device": ("os.mknod('leak', 0o20666, os.makedev(1, 5))", "leak"),
    "folders without end": (
        "[(os.mkdir('d' * 100), os.chdir('d' * 100)) for _ in range(200)]; open('f', 'w')",
        "/".join(["d" * 100] * 32),
    ),
    "more bytes than may come back": ("open('leak', 'wb').write(bytes(200_000))", "leak"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_come_back_is_told_and_keeps_nothing_else_from_it(runtime, secret, name):
    attempt, told = HOSTILE[name]
    code = (
        "import os, socket\n"
        "here = os.getcwd()\n"
        f"try: {attempt}\n"
        "except OSError as error: done = False\n"  # a sandboxed guest is refused some of it
        "else: done = True\n"
        "os.chdir(here)\n"
        "open('honest', 'w').write('x')\n"
        "done"
    )
    result = runtime.execute(code, variables={"secret": str(secret), "size": LIMITED.file_bytes})

    assert result.files == {"honest": b"x"}
    assert list(result.files.left_out) == ([told] if result.value else [])
    assert CANARY not in repr(result)


def test_a_hard_link_to_a_file_of_the_host_cannot_be_made_so_none_comes_back(secret):
    code = "import os\ntry: os.link(secret, 'leak')\nexcept OSError: pass"
    for disabled in ((), _NAMESPACES):
        with BareZygote(Policy(files=["**"]), disabled) as zygote, zygote.worker() as worker:
            result = worker.execute(f"secret = {str(secret)!r}\n{code}", None, QUICK, TIMERS)
            worker.finish()
            assert worker.files.end(result, QUICK, wanted=lambda: True).files == {}


def test_files_beyond_their_number_are_left_out_and_the_others_come_back(runtime):
    files = left_by(runtime, "for number in range(15): open(f'{number:02}', 'w').write('x')")

    assert list(files) == [f"{number:02}" for number in range(10)]
    assert list(files.left_out) == [f"{number:02}" for number in range(10, 15)]


def test_a_thousand_files_that_cannot_come_back_give_a_bounded_report(runtime):
    files = left_by(runtime, "import os\nfor number in range(1000): os.symlink('/etc/passwd', f'{number}')")

    assert len(files) == 0
    assert files.left_out[""] == "and 900 more"


def test_a_guest_that_shuts_its_folder_harms_only_itself(runtime):
    result = runtime.execute("import os\nopen('f', 'w').write('x')\nos.chmod('f', 0)\nos.chmod('.', 0)")

    # Who may read it all the same is root alone.
    assert result.files == {"f": b"x"} or result.files.left_out
    for _ in range(8):  # one of them gets that very folder
        assert runtime.execute("open('g', 'w').write('x')").files == {"g": b"x"}


def test_each_execution_gets_its_own_files_and_none_of_another(runtime):
    futures = [runtime.submit(f"open('f{n}', 'w').write('{n}')") for n in range(12)]

    assert [dict(future.result().files) for future in futures] == [
        {f"f{n}": str(n).encode()} for n in range(12)
    ]


def test_without_patterns_nothing_comes_back(clean_module):  # noqa: ARG001 -- set up before
    with runtime_of(spares=1) as runtime:
        result = runtime.execute("open('f', 'w').write('x')")

    assert (dict(result.files), dict(result.files.left_out)) == ({}, {})


def test_an_execution_that_nobody_waits_for_tells_its_files_in_its_event(runtime):
    events = Events(runtime.telemetry, "execution.finished")
    try:
        runtime.execute_async("open('f', 'w').write('x')")
        [(_, facts)] = events.wait("execution.finished")
    finally:
        events.detach()

    assert facts["result"].files == {"f": b"x"}


def test_in_a_session_the_files_of_each_call_come_back_as_they_are_then(runtime):
    with runtime.session() as session:
        first = session.execute("open('a', 'w').write('1')")
        second = session.execute("open('b', 'w').write('2'); open('a', 'w').write('3')")
        killed = session.execute("open('c', 'w').write('4')\nwhile True: pass", limits=Limits(time_s=0.5))

    assert dict(first.files) == {"a": b"1"}
    assert dict(second.files) == {"a": b"3", "b": b"2"}
    assert dict(killed.files) == {"a": b"3", "b": b"2", "c": b"4"}


def test_a_thread_that_goes_on_changing_files_in_a_session_cannot_lead_the_host_astray(runtime, secret):
    begin = f"""
        import os, threading
        secret, stop = {str(secret)!r}, threading.Event()
        def swap():
            while not stop.is_set():
                for step in (lambda: open('f', 'w').write('x'), lambda: os.unlink('f'),
                             lambda: os.symlink(secret, 'f'), lambda: os.unlink('f'),
                             lambda: os.mkdir('f'), lambda: os.rmdir('f')):
                    try: step()
                    except OSError: pass
        thread = threading.Thread(target=swap, daemon=True)
        thread.start()
    """
    with runtime.session(checkpoint="never") as session:
        session.execute(textwrap.dedent(begin))
        results = [session.execute("1") for _ in range(50)]

    assert all(set(result.files.values()) <= {b"x", b""} for result in results)
    assert CANARY not in repr(results)


def test_branches_of_a_session_return_the_files_of_the_folder_they_share():
    with runtime_of(policy=Policy(files=["**"]), spares=1) as runtime, runtime.session() as session:
        session.execute("open('a', 'w').write('1')")
        with session.fork() as branch:
            assert dict(branch.execute("open('b', 'w').write('2')").files) == {"a": b"1", "b": b"2"}
        assert dict(session.execute("1").files) == {"a": b"1", "b": b"2"}


def test_a_slot_is_lent_again_only_when_the_host_has_looked_at_its_files():
    with BareZygote(Policy(files=["**"])) as zygote:
        first = zygote.handle.spawn()
        first.wait_ready(10, TIMERS)
        result = first.execute("import os\nopen('f', 'w').write('x')\nos.getcwd()", None, QUICK, TIMERS)
        first.finish()
        for _ in range(3):  # the zygote has seen the end of the first before it starts these
            other = zygote.run("import os\nopen('g', 'w').write('x')\nos.getcwd()")
            assert other.value != result.value
        assert first.files.end(result, QUICK, wanted=lambda: True).files == {"f": b"x"}
        first.close()

        # A child of the zygote empties the folder first, so it may take some rounds.
        seen = {}
        while result.value not in seen and len(seen) < 100:
            with ExitStack() as stack:
                for worker in [stack.enter_context(zygote.worker()) for _ in range(4)]:
                    folder, names = worker.execute(LOOK, None, QUICK, TIMERS).value
                    seen[folder] = names
        assert seen[result.value] == []


LOOK = "import os\nos.getcwd(), os.listdir()"

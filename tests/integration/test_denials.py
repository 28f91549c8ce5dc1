"""What guest code of the profile `process` must not be able to do, tried for real."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from dspex_actors import Completed, Policy, WorkerDied
from dspex_actors._policy import LAYERS
from tests._nobody import NOBODY, readable_interpreter
from tests.integration._denials import (
    DENIALS,
    LIMITS,
    facts,
    guest_code,
    is_expected,
    refused_calls,
    source_of,
)
from tests.integration._tools import BareZygote

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module", params=["all layers", "no namespaces"])
def zygote(request, clean_module):  # noqa: ARG001 -- set up before
    """Yield a zygote of this machine, and one of a machine that has no namespaces to give."""
    namespaces = [layer for layer in LAYERS if layer.endswith("_namespace")]
    with BareZygote(disabled=namespaces if request.param == "no namespaces" else ()) as zygote:
        yield zygote


@pytest.fixture
def host_file(tmp_path):
    path = tmp_path / "host_file"
    path.write_text("of the host")
    path.chmod(0o666)
    return path


@pytest.mark.parametrize("name", DENIALS)
def test_the_attempt_is_refused(zygote, host_file, name):
    result = zygote.run(source_of(name), LIMITS, facts(str(host_file)))

    assert isinstance(result, Completed), result
    assert is_expected(name, result.value), result.value
    assert host_file.read_text() == "of the host"


def test_every_call_of_the_refused_list_is_refused_whatever_its_arguments(zygote):
    code = guest_code("pass") + (
        "outcomes = {}\n"
        "for name, number in calls.items():\n"
        "    try:\n"
        "        syscall(number, 0, 0, 0, 0, 0, 0)\n"
        "        outcomes[name] = 'allowed'\n"
        "    except OSError as error:\n"
        "        outcomes[name] = errno.errorcode[error.errno]\n"
        "outcomes"
    )
    calls = refused_calls()
    result = zygote.run(code, LIMITS, {"calls": calls})

    assert len(calls) > 90
    assert {name: outcome for name, outcome in result.value.items() if outcome != "EPERM"} == {}


@pytest.fixture(scope="module")
def zygote_of_all_layers(clean_module):  # noqa: ARG001 -- set up before
    """Yield a zygote with all that this machine has to give."""
    with BareZygote() as zygote:
        yield zygote


@pytest.fixture(scope="module")
def zygote_without_root(clean_module):  # noqa: ARG001 -- set up before
    """Yield a zygote whose guests share the host's root folder."""
    with BareZygote(disabled=["mount_namespace"]) as zygote:
        yield zygote


@pytest.mark.parametrize(
    "change",
    [
        "os.chmod(path, 0)",
        "os.utime(path, (0, 0))",
        "os.chmod(path, 0o4777)",
        "os.fchmod(os.open('.', 0), 0)",
    ],
)
def test_in_the_hosts_root_changing_mode_or_times_does_nothing_and_says_nothing(
    zygote_without_root, host_file, change
):
    before = host_file.stat()

    result = zygote_without_root.run(f"import os\n{change}\n'done'", variables={"path": str(host_file)})

    after = host_file.stat()
    assert result.value == "done"
    assert (stat.S_IMODE(after.st_mode), after.st_mtime_ns) == (
        stat.S_IMODE(before.st_mode),
        before.st_mtime_ns,
    )


def test_in_a_root_of_its_own_modes_and_times_change_in_the_scratch_folder(
    zygote_of_all_layers,
):
    code = (
        "import os\n"
        "open('f', 'w').close(); os.chmod('f', 0o640); os.utime('f', (1, 2))\n"
        "facts = os.stat('f')\n"
        "(oct(facts.st_mode), facts.st_mtime)"
    )
    assert zygote_of_all_layers.run(code).value == ("0o100640", 2.0)


@pytest.mark.parametrize("path", ["/dev/null", "/", "/scratch", "/sentinel", "library"])
@pytest.mark.parametrize("change", ["os.chmod(path, 0o777)", "os.utime(path, (0, 0))"])
def test_in_a_root_of_its_own_nothing_else_can_be_changed(zygote_of_all_layers, path, change):
    code = guest_code(f"path = given.replace('library', os.__file__)\n{change}")

    outcome = zygote_of_all_layers.run(code, variables={"given": path}).value

    assert outcome in {"EROFS", "EPERM", "EACCES"}


def test_the_environment_holds_what_the_policy_gives_and_nothing_of_the_host(monkeypatch):
    monkeypatch.setenv("DSPEX_TEST_SECRET", "of the host")
    code = (
        "import ctypes, os\n"
        "block = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), 'environ')\n"
        "raw, at = [], 0\n"
        "while block[at]:\n  raw.append(block[at].decode()); at += 1\n"
        "(dict(os.environ), raw)"
    )
    with BareZygote(Policy(environment={"GIVEN": "yes"})) as zygote:
        seen, raw = zygote.run(code).value

    assert seen["GIVEN"] == "yes"
    assert set(seen) == {"GIVEN", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"}
    assert sorted(raw) == sorted(f"{name}={text}" for name, text in seen.items())


def test_a_guest_has_its_socket_and_the_null_device_and_no_other_descriptor(zygote):
    code = (
        "import os\nopen_fds = []\n"
        "for fd in range(1024):\n"
        "  try: os.fstat(fd); open_fds.append(fd)\n"
        "  except OSError: pass\n"
        "null = os.stat('/dev/null').st_rdev\n"
        "(open_fds, [os.fstat(fd).st_rdev == null for fd in (0, 1, 2)])"
    )

    assert zygote.run(code).value == ([0, 1, 2, 3], [True, True, True])


def test_a_guest_holds_no_capability_and_can_gain_none(zygote):
    code = guest_code("pass") + (
        "header = struct.pack('Ii', 0x20080522, 0)\n"
        "data = ctypes.create_string_buffer(24)\n"
        "libc.capget(header, data)\n"
        "(data.raw, libc.prctl(39, 0, 0, 0, 0))"
    )

    assert zygote.run(code).value == (bytes(24), 1)


def test_packages_of_the_host_that_the_policy_does_not_name_cannot_be_imported(zygote):
    code = (
        "found = []\n"
        "for name in ('pytest', 'pykka', 'structlog', 'RestrictedPython', 'supervisors', 'tests'):\n"
        "  try: __import__(name); found.append(name)\n"
        "  except ImportError: pass\n"
        "found"
    )

    assert zygote.run(code).value == []


def test_a_guest_sees_no_arguments_of_its_zygote(zygote):
    code = (
        "import sys\n[arg for arg in [*sys.argv, *sys.orig_argv] if '/' in arg and 'bin/python' not in arg]"
    )

    assert zygote.run(code).value == []


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="machine code of x86-64")
def test_a_call_for_another_architecture_kills_the_worker(zygote):
    code = (
        "import ctypes, mmap\n"
        "private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS\n"
        "page = mmap.mmap(-1, 4096, private, mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)\n"
        "page.write(b'\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3')  # mov eax, 20; int 0x80; ret\n"
        "ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()"
    )
    result = zygote.run(code)

    assert isinstance(result, WorkerDied)
    assert result.signal == 31  # SIGSYS


ALLOWED = {
    "files in the scratch folder": (
        """
        import os, shutil
        open("a", "w").write("x")
        os.mkdir("d")
        shutil.copy("a", "d/b")
        os.rename("d/b", "c")
        os.symlink("c", "l")
        open("l").read()
        """,
        "x",
    ),
    "temporary files in the scratch folder": (
        """
        import tempfile
        with tempfile.TemporaryFile(dir=".") as file:
            file.write(b"x")
            file.seek(0)
            result = file.read()
        """,
        b"x",
    ),
    "threads": (
        """
        import threading
        seen = []
        thread = threading.Thread(target=seen.append, args=(1,))
        thread.start()
        thread.join()
        seen
        """,
        [1],
    ),
    "an event loop": ("import asyncio\nasync def f(): return 5\nasyncio.run(f())", 5),
    "a signal to itself": (
        """
        import os, signal
        seen = []
        signal.signal(signal.SIGUSR1, lambda *args: seen.append(1))
        os.kill(os.getpid(), signal.SIGUSR1)
        seen
        """,
        [1],
    ),
    "random numbers of the kernel": (
        "import os, secrets\nlen(os.urandom(8)) + len(secrets.token_bytes(8))",
        16,
    ),
    "time zones": ("import zoneinfo\nzoneinfo.ZoneInfo('UTC').key", "UTC"),
    "numpy": ("import numpy as np\nfloat(np.arange(10).sum())", 45.0),
    "the null device": ("open('/dev/null', 'w').write('x')", 1),
    "most of the standard library": (
        """
        import csv, dataclasses, decimal, hashlib, heapq, html, io, logging, statistics, textwrap, uuid, zlib
        import concurrent.futures, sqlite3, unittest, urllib.parse, xml.etree.ElementTree
        "imported"
        """,
        "imported",
    ),
}


@pytest.mark.parametrize(("code", "value"), ALLOWED.values(), ids=ALLOWED)
def test_what_honest_programs_need_is_allowed(zygote, code, value):
    result = zygote.run(textwrap.dedent(code))

    assert isinstance(result, Completed), result
    assert result.value == value


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_everything_is_refused_for_a_user_without_rights_as_well(host_file, tmp_path):
    python = readable_interpreter()
    if python is None:
        pytest.skip("no interpreter of this version can be run by other users")
    for folder in [tmp_path, *tmp_path.parents]:
        if folder.owner() == "root" and folder.name.startswith(("pytest-", "test_")):
            folder.chmod(0o755)
    site = [path for path in sys.path if path.endswith("-packages")]
    done = subprocess.run(
        [python, "-B", "-m", "tests.integration._denials", str(host_file)],
        cwd=REPOSITORY,
        env={"PYTHONPATH": os.pathsep.join([str(REPOSITORY), *site]), "TMPDIR": "/tmp"},  # noqa: S108 -- as it is
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)

    assert (report["uid"], report["missing"]) == (NOBODY, ["cgroup"])
    assert {name: seen for name, seen in report["outcomes"].items() if not is_expected(name, seen)} == {}

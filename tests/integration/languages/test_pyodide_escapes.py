"""Guest code that leaves Pyodide has all of Node, and ends at the layers of the sandbox."""

from __future__ import annotations

import socket

import pytest

from dspex_actors import Completed, Failed, Limits, WorkerDied
from dspex_actors.executors.languages import PYODIDE, find_engine
from tests._engines import need_engine
from tests.integration._tools import runtime_of
from tests.integration.languages._attempts import ATTEMPTS, FAIL

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")

# Each gives Node's `process`.
ESCAPES = {
    "import js": "import js\njs.process",
    "code of JavaScript": "from pyodide.code import run_js\nrun_js('process')",
    "a constructor": "import pyodide_js\npyodide_js._module.constructor.constructor('return process')()",
    "a module of Node's": "import js\njs.process.getBuiltinModule('process')",
}


@pytest.fixture(scope="module", autouse=True)
def _engine():
    need_engine("pyodide")


@pytest.fixture(scope="module")
def runtime(clean_module):  # noqa: ARG001 -- set up before
    with runtime_of(limits=Limits(time_s=30.0), spares=0, start_timeout_s=60.0) as runtime:
        yield runtime
    assert runtime.stop().clean


@pytest.fixture(scope="module")
def session(runtime):
    """Give all attempts one session; one that kills its driver costs it the state, and it goes on."""
    with runtime.session(language="pyodide") as session:
        yield session


@pytest.mark.parametrize("name", ESCAPES)
def test_the_escape_gets_all_of_node(session, name):
    *before, last = ESCAPES[name].split("\n")
    result = session.execute("\n".join([*before, f"type({last}.pid).__name__"]))

    assert isinstance(result, Completed), result
    assert result.value == "int"


@pytest.mark.parametrize("name", ATTEMPTS)
def test_what_a_guest_tries_with_node_is_refused_by_the_sandbox(session, name, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_HOST", "1")
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    secret.chmod(0o666)
    with socket.create_server(("127.0.0.1", 0)) as server:
        node = find_engine(PYODIDE).options["node"]
        attempt = ATTEMPTS[name].format(secret=str(secret), port=server.getsockname()[1], node=node)
        script = f"const get = process.getBuiltinModule;\n{FAIL}(async () => ({attempt}))()"
        result = session.execute(f"from pyodide.code import run_js\nawait run_js({script!r})")

    assert isinstance(result, (Failed, WorkerDied)), result
    assert secret.read_text() == "of the host"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import socket\nsocket.create_connection(('127.0.0.1', 9), 1)", "Host is unreachable"),
        ("import subprocess\nsubprocess.run(['id'])", "emscripten does not support processes"),
        ("open('/etc/passwd')", "No such file or directory: '/etc/passwd'"),
        ("open('/host/etc/new', 'w')", "/host/etc/new"),
        ("import os\nos.rmdir('/host/dev')", "/host/dev"),
        ("open('/host/etc/passwd')", "No such file or directory: '/host/etc/passwd'"),
        ("import js\nawait js.fetch('http://127.0.0.1:9/')", "fetch failed"),
    ],
)
def test_pythons_own_ways_out_are_not_there(session, code, said):
    result = session.execute(code)

    assert isinstance(result, Failed), result
    assert said in result.error.message


SPOILING = (
    "import sys\nsys.stdout = sys.__stdout__ = None\n1",
    "import js\njs.process.getBuiltinModule('fs').writeSync(3, 'rubbish that is no frame!!')\n1",
    "import js\njs.process.getBuiltinModule('fs').closeSync(3)\n1",
    "from pyodide.code import run_js\nrun_js('JSON.parse = () => ({}); Array.prototype.map = null')\n1",
    "import _guest\n_guest.values.encode = None\n1",
    "import sys\nsys.modules['_guest'].__dict__.clear()\n1",
)


@pytest.mark.slow
def test_guests_that_break_their_own_driver_hurt_themselves_alone(runtime):
    ends = []
    for code in SPOILING:
        with runtime.session(language="pyodide") as spoilt:
            ends += [type(spoilt.execute(each)).__name__ for each in (code, "1")]

    assert set(ends) <= {"Completed", "Failed", "WorkerDied"}
    assert runtime.execute("1 + 1", language="pyodide").value == 2

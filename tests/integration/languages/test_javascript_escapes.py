"""Guest code that leaves its realm ends at the layers of the sandbox: a realm is no boundary."""

from __future__ import annotations

import socket

import pytest

from dspex_actors import Completed, Failed, WorkerDied
from tests._engines import need_engine
from tests.integration.languages._attempts import ATTEMPTS, FAIL

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")

# Each gives the main realm's `process`.
ESCAPES = {
    "a custom inspection": "let found; const custom = Symbol.for('nodejs.util.inspect.custom');\n"
    "console.log({ [custom](depth, options, inspect) "
    "{ found = inspect.constructor('return process')(); return ''; } });\n",
    "a timer's constructor": "const found = setTimeout.constructor('return process')();\n",
    "the constructor of the console": "const found = console.log.constructor('return process')();\n",
    "a prepared stack": "let found; Error.prepareStackTrace = (_, sites) => "
    "{ for (const site of sites) found ??= site.getThis?.()?.process; return ''; };\n"
    "new Error().stack; found ??= require('process');\n",
    "a module of Node's": "const found = require('process');\n",
    "an error of the host": "let found; try { structuredClone(() => 1); } catch (error) "
    "{ found = error.constructor.constructor('return process')(); }\n",
}


@pytest.fixture(scope="module", autouse=True)
def _engine():
    need_engine("javascript")


@pytest.fixture(scope="module")
def session(runtime):
    """Give all attempts one session; one that kills its driver costs it the state, and it goes on."""
    with runtime.session(language="javascript") as session:
        yield session


@pytest.mark.parametrize("name", ESCAPES)
def test_the_escape_gets_out_of_its_realm(session, name):
    result = session.execute(f"{{ {ESCAPES[name]} globalThis.kind = typeof found.pid }}; kind")

    assert isinstance(result, Completed), result
    assert result.value == "number"


@pytest.mark.parametrize("name", ATTEMPTS)
def test_what_an_escaped_guest_tries_is_refused_by_the_sandbox(session, name, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_HOST", "1")
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    secret.chmod(0o666)
    escape = "process = console.log.constructor('return process')(); const get = process.getBuiltinModule;\n"
    with socket.create_server(("127.0.0.1", 0)) as server:
        attempt = ATTEMPTS[name].format(
            secret=str(secret), port=server.getsockname()[1], node="/usr/bin/node"
        )
        result = session.execute(f"{escape}{FAIL}{attempt}")

    assert isinstance(result, (Failed, WorkerDied)), result
    assert secret.read_text() == "of the host"


@pytest.mark.parametrize(
    "code",
    [
        "Object.prototype.toJSON = () => 1; Object.prototype.outcome = 'failed'; [1, 2]",
        "Array.prototype.push = () => { throw 1; }; Map.prototype.get = null; [1, 2]",
        "globalThis.JSON = null; globalThis.Object = null; globalThis.Buffer = null; [1, 2]",
        "require('fs').writeSync(3, 'rubbish that is no frame!!'); 1",
        "require('fs').closeSync(3); 1",
    ],
)
def test_a_guest_that_breaks_its_own_realm_or_driver_hurts_itself_alone(runtime, code):
    spoilt = runtime.execute(code, language="javascript")

    assert type(spoilt).__name__ in {"Completed", "Failed", "WorkerDied"}
    assert runtime.execute("1 + 1", language="javascript").value == 2

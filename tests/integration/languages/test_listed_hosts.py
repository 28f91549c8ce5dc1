"""A network that is a list, for guests of other languages and for programs that guests start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dspex_actors import Completed, Failed, LimitExceeded, Limits, Policy
from tests._engines import need_engine
from tests._nobody import NOBODY, readable_interpreter
from tests.integration._servers import PAGE, Listener, WebServer, make_signed_certificate
from tests.integration._tools import CEILING_S, runtime_of
from tests.integration.languages._snippets_network import JAVASCRIPT, ROWS

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")

REPOSITORY = Path(__file__).parents[3]
LIMITS = Limits(time_s=CEILING_S)
SLOW = {
    "typescript",
    "pyodide",
    "elixir",
    "Python as a program",
}  # each start takes long, or is shown by others


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Return the paths of an authority's certificate, and of a server's key and certificate."""
    return make_signed_certificate(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def secure(certificates):
    with WebServer(certificates[1]) as server:
        yield server


@pytest.fixture(scope="module")
def held():
    """Yield a server that lets its callers wait, and is listed."""
    with Listener() as listener:
        yield listener


@pytest.fixture(scope="module")
def policy(web, secure, held, certificates):
    authority, _ = certificates
    names = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE")
    return Policy(
        profile="shell",
        packages=(),
        network=(
            f"127.0.0.1:{web.port}",
            f"localhost:{web.port}",
            f"localhost:{secure.port}",
            f"127.0.0.1:{secure.port}",
            f"127.0.0.1:{held.port}",
        ),
        read_paths=(authority,),
        environment=dict.fromkeys(names, authority),
    )


@pytest.fixture(scope="module")
def runtime(clean_module):  # noqa: ARG001 -- set up before
    with runtime_of(limits=LIMITS, spares=1, start_timeout_s=60.0) as runtime:
        yield runtime
    assert runtime.stop().clean


@pytest.fixture(autouse=True)
def leaves_no_scratch_folder():
    """Take the place of a check that would find folders of executors that a test was the first to need."""


def with_program(row):
    """Return the row; without what it starts the test is skipped."""
    if row.program and not Path(row.program).exists():
        pytest.skip(f"{row.program} is not installed")
    return row


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(each, id=each.id, marks=[pytest.mark.slow] if each.id in SLOW else []) for each in ROWS
    ],
)
def row(request):
    need_engine(request.param.language)
    return with_program(request.param)


@pytest.fixture
def run(runtime, row, policy):
    """Run a program of the row, with what it has in braces filled in."""

    def run(column, limits=LIMITS, **filled):
        code = getattr(row, column).format(**filled)
        return runtime.execute(code, language=row.language, policy=policy, limits=limits)

    return run


def test_a_listed_host_is_reached(run, web):
    result = run("fetch", url=f"http://localhost:{web.port}/")

    assert isinstance(result, Completed), result
    assert result.value == PAGE.decode()
    assert result.usage.connections == 1
    assert result.usage.network_bytes > len(PAGE)


def test_a_listed_host_is_reached_by_tls_and_the_guest_checks_whom_it_speaks_to(run, secure):
    assert run("fetch", url=f"https://localhost:{secure.port}/").value == PAGE.decode()

    other_name = run("fetch", url=f"https://127.0.0.1:{secure.port}/")
    assert isinstance(other_name, Failed), other_name
    assert other_name.usage.connections == 1


_OTHERS = [pytest.param(each, marks=pytest.mark.slow) for each in ("localhost", "127.0.0.2", "example.org")]


@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254", *_OTHERS])
def test_what_is_not_listed_is_refused_with_an_error_that_says_so(run, unlisted, host):
    result = run("fetch", url=f"http://{host}:{unlisted.port}/")

    assert isinstance(result, Failed), result
    assert f"{host} port {unlisted.port} is not in the policy's list" in result.error.message
    assert unlisted.callers() == 0


def test_a_socket_that_goes_around_the_proxy_reaches_nothing(run, web, unlisted):
    for host, port in (("127.0.0.1", unlisted.port), ("127.0.0.1", web.port), ("192.0.2.1", 80), ("::1", 9)):
        result = run("around", host=host, port=port)
        assert isinstance(result, Failed), (host, result)
        assert result.usage.connections == 0
    assert unlisted.callers() == 0


def test_the_limit_of_connections_ends_the_guest_and_the_next_call_works(run, web):
    limits = Limits(time_s=CEILING_S, connections=2)
    here = {"host": "127.0.0.1", "port": web.port, "limits": limits}

    within, beyond = (run("knock", count=count, **here) for count in (2, 3))

    assert (within.value, within.usage.connections) == (1, 2)
    assert isinstance(beyond, LimitExceeded), beyond
    assert (beyond.limit, beyond.allowed, beyond.used) == ("connections", 2, 3)
    assert isinstance(run("knock", count=2, **here), Completed)


def test_the_limit_of_bytes_ends_the_guest_and_the_next_call_works(run, web):
    limits = Limits(time_s=CEILING_S, network_bytes=20_000)
    url = f"http://127.0.0.1:{web.port}/"

    assert run("post", url=url, size=8000, limits=limits).value == 8000
    beyond = run("post", url=url, size=10_000, limits=limits)
    assert isinstance(beyond, LimitExceeded), beyond
    assert (beyond.limit, beyond.allowed) == ("network_bytes", 20_000)
    assert run("post", url=url, size=8000, limits=limits).value == 8000


def test_in_a_session_each_call_has_connections_of_its_own(runtime, row, policy, web):
    code = row.fetch.format(url=f"http://127.0.0.1:{web.port}/")
    with runtime.session(language=row.language, policy=policy) as session:
        results = [session.execute(code) for _ in range(2)]

    assert [result.value if isinstance(result, Completed) else result for result in results] == [
        PAGE.decode()
    ] * 2
    assert [result.usage.connections for result in results] == [1, 1]


SERVE = """
const server = require('net').createServer((socket) => socket.end('mine'));
await new Promise((up) => server.listen(4000, '127.0.0.1', up));
const own = await new Promise((yes, no) => {
  require('net').connect(4000, '127.0.0.1').on('data', (data) => yes(`${data}`)).on('error', no);
});
console.log('running');
wait();
server.close();
own
"""
ASK_NEIGHBOUR = """
const ask = (port, host, said) => new Promise((over) => {
  const socket = new (require('tls').TLSSocket)(undefined, {}).on('error', (e) => over(e.code));
  socket.connect(port, host, () => over('connected'));
});
[await ask(4000, '127.0.0.1'), await fetch(url).catch((error) => error.cause.code)]
"""


def test_a_guest_reaches_neither_the_servers_nor_the_list_of_its_neighbour(runtime, web):
    need_engine("javascript")
    running, done = threading.Event(), threading.Event()
    alone = Policy(profile="shell", packages=(), network=("example.org",))
    neighbour = runtime.submit(
        SERVE,
        language="javascript",
        policy=alone,
        tools={"wait": lambda: done.wait(CEILING_S)},
        on_output=lambda *_: running.set(),
    )
    try:
        assert running.wait(CEILING_S)
        asked = runtime.execute(
            ASK_NEIGHBOUR,
            language="javascript",
            policy=alone,
            variables={"url": f"http://127.0.0.1:{web.port}/"},
        )
    finally:
        done.set()

    assert asked.value == ["ECONNREFUSED", "ECONNREFUSED"]
    assert neighbour.result(CEILING_S).value == "mine"


def test_what_a_program_leaves_open_ends_with_the_execution(runtime, policy, held):
    need_engine("javascript")
    code = JAVASCRIPT.knock.replace("() => socket.destroy()", "over") + ";\nprocess.exit(0)"
    filled = code.format(count=1, host="127.0.0.1", port=held.port)
    runtime.execute(filled, language="javascript", policy=policy)

    with held.accept() as connection:
        assert connection.recv(1) == b""


def test_the_report_says_that_the_proxy_was_tried_and_holds(runtime, row, policy):
    layers = {
        layer.name: layer for layer in runtime.sandbox_report(language=row.language, policy=policy).layers
    }

    for name in ("network", "network_namespace"):
        assert layers[name].active
        assert "reaching a server of this machine, and an address outside" in layers[name].probe
    assert "asking the host for a connection that is not in the list" in layers["network"].probe
    assert layers["seccomp"].active


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("each", [row for row in ROWS if row.language != "pyodide"], ids=lambda each: each.id)
def test_a_host_that_is_an_ordinary_user_gives_its_guests_the_same(each):
    need_engine(each.language)
    with_program(each)
    python = readable_interpreter()
    if python is None:
        pytest.skip("no interpreter of this version can be run by other users")
    site = [path for path in sys.path if path.endswith("-packages")]
    done = subprocess.run(
        [python, "-B", "-m", "tests.integration.languages._snippets_network", each.id],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *site]), "HOME": "/tmp"},  # noqa: S108
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)

    seen = report["outcomes"][each.id]
    assert (report["uid"], seen["listed"], seen["callers"]) == (NOBODY, True, 0)
    assert "is not in the policy's list" in seen["unlisted"]
    assert "connected" not in seen["around"]
    assert "the guest exceeded its connections limit of 2" in seen["too many"]

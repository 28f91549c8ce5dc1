"""A network that is a list: what is on it works with ordinary code, what is not is refused for real."""

from __future__ import annotations

import ssl
from functools import partial
from pathlib import Path

import pytest

from dspex_actors import Completed, Limits, Policy
from dspex_actors._policy import LAYERS
from dspex_actors.executors import _zygote_actor
from dspex_actors.workers import zygote_config
from tests.integration._denials import guest_code
from tests.integration._servers import PAGE, Datagrams, WebServer, make_certificate
from tests.integration._tools import CEILING_S, runtime_of

pytestmark = pytest.mark.may_leak("the runtime of the module has spares, which come and go")

LIMITS = Limits(time_s=CEILING_S)
_NAMESPACES = [layer for layer in LAYERS if layer.endswith("_namespace")]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def secure(certificate):
    with WebServer(certificate) as server:
        yield server


@pytest.fixture(scope="module", params=["all layers", "no namespaces"])
def listed(request, clean_module, web, secure, unlisted):  # noqa: ARG001 -- set up before
    """Yield a runtime whose guests may reach the servers; also as on a machine without namespaces."""
    entries = [
        f"127.0.0.1:{web.port}",
        f"localhost:{web.port}",
        f"localhost:{secure.port}",
        f"127.0.0.1:{secure.port}",
        f"localhost:{unlisted.port}",  # by name alone, which leads to an address that is not public
    ]
    off = _NAMESPACES if request.param == "no namespaces" else ()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_zygote_actor, "zygote_config", partial(zygote_config, disabled_layers=off))
        with runtime_of(policy=Policy(network=entries), limits=LIMITS) as runtime:
            yield runtime
        assert runtime.stop().clean


USES = {
    "http.client": """
        import http.client
        connection = http.client.HTTPConnection("localhost", port, timeout=20)
        pages = []
        for _ in range(2):  # one connection for both
            connection.request("GET", "/")
            pages.append(connection.getresponse().read())
        assert pages[0] == pages[1]
        page = pages[0]
    """,
    "urllib.request": """
        import urllib.request
        page = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20).read()
    """,
    "socket.create_connection": """
        import socket
        with socket.create_connection(("localhost", port)) as sock:
            sock.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
            page = sock.makefile("rb").read().partition(b"\\r\\n\\r\\n")[2]
    """,
    "a socket made by hand": """
        import socket
        for family, kind, proto, _, address in socket.getaddrinfo("localhost", port, 0, socket.SOCK_STREAM):
            sock = socket.socket(family, kind, proto)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            sock.settimeout(20)
            sock.connect(address)
            assert sock.getpeername() == ("localhost", port)
        sock.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
        page = sock.makefile("rb").read().partition(b"\\r\\n\\r\\n")[2]
    """,
    "a socket that does not block": """
        import errno, select, socket
        sock = socket.socket()
        sock.setblocking(False)
        assert sock.connect_ex(("localhost", port)) == errno.EINPROGRESS
        assert select.select([], [sock], [], 20)[1]
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        sock.setblocking(True)
        sock.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
        page = sock.makefile("rb").read().partition(b"\\r\\n\\r\\n")[2]
    """,
    "a socket that is connected a second time to wait for the first": """
        import socket
        sock = socket.socket()
        sock.setblocking(False)
        try:
            sock.connect(("localhost", port))
        except BlockingIOError:
            sock.settimeout(20)
            sock.connect(("localhost", port))
        sock.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
        page = sock.makefile("rb").read().partition(b"\\r\\n\\r\\n")[2]
    """,
    "asyncio": """
        import asyncio
        async def fetch():
            reader, writer = await asyncio.open_connection("localhost", port)
            writer.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
            whole = await reader.read()
            writer.close()
            await writer.wait_closed()
            return whole.partition(b"\\r\\n\\r\\n")[2]
        async def many():
            return await asyncio.gather(*(fetch() for _ in range(5)))
        [page] = set(asyncio.run(many()))
    """,
    "threads": """
        import threading, urllib.request
        pages = []
        def fetch():
            pages.append(urllib.request.urlopen(f"http://localhost:{port}/").read())
        threads = [threading.Thread(target=fetch) for _ in range(5)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert len(pages) == 5
        [page] = set(pages)
    """,
}


def body_of(code, result):
    lines = [line.removeprefix("        ") for line in code.strip("\n").splitlines()]
    return "\n".join([*lines, result])


@pytest.mark.parametrize("name", USES)
def test_ordinary_code_reaches_what_is_listed(listed, web, name):
    result = listed.execute(body_of(USES[name], "page"), variables={"port": web.port})

    assert isinstance(result, Completed), result
    assert result.value == PAGE
    assert result.usage.connections >= 1
    assert result.usage.network_bytes > len(PAGE)


def test_a_large_body_crosses_unchanged_in_both_directions(listed, web):
    code = (
        "import urllib.request\n"
        "body = bytes(range(256)) * 8000\n"
        "answer = urllib.request.urlopen(f'http://localhost:{port}/', body).read()\n"
        "answer == body[::-1]"
    )
    result = listed.execute(code, variables={"port": web.port})

    assert result.value is True
    assert result.usage.network_bytes > 2 * 256 * 8000


TLS = """
import http.client, ssl
context = ssl.create_default_context(cadata=authority)
connection = http.client.HTTPSConnection(host, port, context=context)
connection.request("GET", "/")
page = connection.getresponse().read()
(page, connection.sock.getpeercert(binary_form=True))
"""
ASYNC_TLS = """
import asyncio, ssl
async def fetch():
    context = ssl.create_default_context(cadata=authority)
    reader, writer = await asyncio.open_connection(host, port, ssl=context)
    writer.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
    whole = await reader.read()
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return whole.partition(b"\\r\\n\\r\\n")[2], certificate
asyncio.run(fetch())
"""


@pytest.mark.parametrize("code", [TLS, ASYNC_TLS], ids=["http.client", "asyncio"])
def test_tls_is_between_the_guest_and_the_server_whose_certificate_the_guest_sees(
    listed, secure, certificate, code
):
    authority = Path(certificate).read_text("ascii")
    authority = authority[authority.index("-----BEGIN CERTIFICATE") :]
    variables = {"port": secure.port, "host": "localhost", "authority": authority}

    page, seen = listed.execute(code, variables=variables).unwrap()

    assert page == PAGE
    assert seen == ssl.PEM_cert_to_DER_cert(authority)


def test_a_certificate_for_another_name_is_refused_by_the_guest_itself(listed, secure, certificate):
    authority = Path(certificate).read_text("ascii")
    authority = authority[authority.index("-----BEGIN CERTIFICATE") :]
    variables = {"port": secure.port, "host": "127.0.0.1", "authority": authority}

    result = listed.execute(TLS, variables=variables)

    assert result.error.type == "SSLCertVerificationError"


def test_guests_find_the_certificates_of_the_authorities_that_the_host_trusts(listed):
    code = "import ssl\nssl.create_default_context().cert_store_stats()"

    assert listed.execute(code).value == ssl.create_default_context().cert_store_stats()


_CALL = """
address = struct.pack("=H", 2) + struct.pack(">H", unlisted) + bytes([127, 0, 0, 1]) + bytes(8)
there = "127.0.0.1", listed
fast = b"x", 1, 0x20000000, address, 16  # MSG_FASTOPEN
def call(function, *arguments):
    if function(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")
"""
DENIED = {
    # by a filter, a namespace, or the proxy: what, and with which outcome
    "another port": ("socket.create_connection(('127.0.0.1', unlisted))", "EACCES"),
    "another address": ("socket.create_connection(('127.0.0.2', listed))", "EACCES"),
    "another name": ("socket.create_connection(('example.org', 443))", "EACCES"),
    "a listed name that leads to the loopback interface": (
        "socket.create_connection(('localhost', unlisted))",
        "EACCES",
    ),
    "the loopback address of the other family": ("socket.create_connection(('::1', listed))", "EACCES"),
    "the metadata service": ("socket.create_connection(('169.254.169.254', 80))", "EACCES"),
    "an address written as a number": ("socket.create_connection(('2130706433', listed))", "EACCES"),
    "an address written short": ("socket.create_connection(('127.1', listed))", "EACCES"),
    "a name with a zero in it": ("socket.create_connection(('localhost\\0.org', listed))", "EACCES"),
    "an empty name": ("socket.socket().connect(('', listed))", "not allowed"),
    "a long name": ("socket.socket().connect(('a' * 256, listed))", "not allowed"),
    "a port that is none": ("socket.socket().connect(('localhost', 65536))", "OverflowError"),
    "the port of nothing": ("socket.socket().connect(('localhost', 0))", "EADDRNOTAVAIL"),
    "an address of another kind": ("socket.socket().connect('localhost')", "TypeError"),
    "the kernel's own way": (
        "import _socket; _socket.socket(2, 1).connect(('127.0.0.1', listed))",
        "EPERM",
    ),
    "the C library": (f"{_CALL}call(libc.socket, 2, 1, 0)", "EPERM"),
    "connecting the worker's own socket": (f"{_CALL}call(libc.connect, 3, address, 16)", "EPERM"),
    "sending from the worker's own socket to an address": (
        f"{_CALL}call(libc.sendto, 3, b'x', 1, 0, address, 16)",
        "EISCONN",
    ),
    "sending from a carried connection to an address": (
        f"{_CALL}sock = socket.create_connection(there)\ncall(libc.sendto, sock.fileno(), *fast)",
        "EISCONN",
    ),
    "UDP": ("socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', udp))", "EPERM"),
    "raw packets": ("socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)", "EPERM"),
    "frames": ("socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", "EPERM"),
    "netlink": ("socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)", "EPERM"),
    "virtual machine sockets": ("socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)", "EPERM"),
    "an abstract Unix socket": ("socket.socket(socket.AF_UNIX).connect(abstract)", "EPERM"),
    "a Unix socket in a folder": ("socket.socket(socket.AF_UNIX).connect('/run/x')", "EPERM"),
    "a pair for datagrams": ("socket.socketpair(type=socket.SOCK_DGRAM)", "EPERM"),
    "being a server": ("socket.create_server(('127.0.0.1', 0))", "EPERM"),
    "binding before connecting": (
        "socket.create_connection(('127.0.0.1', listed), source_address=('127.0.0.1', 0))",
        "EPERM",
    ),
    "a resolver of its own": (
        "import _socket; _socket.getaddrinfo('example.org', 443)",
        ("gaierror", "EAI_AGAIN", "not allowed"),
    ),
}


@pytest.mark.parametrize("name", DENIED)
def test_what_is_not_listed_is_refused_and_arrives_nowhere(listed, web, unlisted, name):
    attempt, expected = DENIED[name]
    with Datagrams() as datagrams:
        variables = {
            "listed": web.port,
            "unlisted": unlisted.port,
            "udp": datagrams.port,
            "abstract": datagrams.name,
        }
        result = listed.execute(guest_code(attempt), variables=variables)

        assert isinstance(result, Completed), result
        if expected == "not allowed":
            assert result.value != "allowed"
        else:
            assert result.value in ((expected,) if isinstance(expected, str) else (*expected, "EPERM"))
        assert datagrams.arrivals() == 0
    assert unlisted.callers() == 0


def test_a_refusal_names_what_is_not_listed_and_a_failure_what_went_wrong(listed, unlisted):
    code = (
        "import socket\n"
        "def why(host, port):\n"
        "    try:\n"
        "        socket.create_connection((host, port))\n"
        "    except OSError as error:\n"
        "        return f'{type(error).__name__}: {error.strerror}'\n"
        "(why('Example.org', 443), why('localhost', port))"
    )
    other, inside = listed.execute(code, variables={"port": unlisted.port}).value

    assert other == "PermissionError: example.org port 443 is not in the policy's list"
    assert inside.startswith("PermissionError: the name leads to no public address")
    assert "127.0.0.1" not in inside


def test_the_report_says_that_the_list_was_tried_and_holds(listed):
    report = listed.sandbox_report()
    [network] = [layer for layer in report.layers if layer.name == "network"]

    assert report.contained
    assert network.active
    assert "asking the host for a connection that is not in the list" in network.probe


def test_nothing_that_was_denied_has_cost_more_than_its_own_worker(listed):
    assert {node.generation for node in listed.tree().walk()} == {1}

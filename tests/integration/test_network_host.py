"""`network="host"`: guests use the host's network as it is, nothing else is open, and the report says so."""

from __future__ import annotations

import sys

import pytest

from dspex_actors import Completed, ConfigError, Limits, Policy
from tests.integration._denials import guest_code
from tests.integration._servers import PAGE, Datagrams, Listener
from tests.integration._tools import CEILING_S, runtime_of

pytestmark = pytest.mark.may_leak("the runtime of the module has spares, which come and go")

LIMITS = Limits(time_s=CEILING_S)


@pytest.fixture(scope="module", params=["process", "shell"])
def open_runtime(request, clean_module):  # noqa: ARG001 -- set up before
    with runtime_of(policy=Policy(profile=request.param, network="host"), limits=LIMITS, spares=1) as runtime:
        yield runtime
    assert runtime.stop().clean


def layer_of(runtime, name):
    [layer] = [layer for layer in runtime.sandbox_report().layers if layer.name == name]
    return layer


def test_guests_reach_the_loopback_interface_of_the_host(open_runtime, web):
    code = "import urllib.request\nurllib.request.urlopen(f'http://localhost:{port}/').read()"

    assert open_runtime.execute(code, variables={"port": web.port}).value == PAGE


def test_guests_send_datagrams(open_runtime):
    code = "import socket\nsocket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', port))"
    with Datagrams() as datagrams:
        assert open_runtime.execute(code, variables={"port": datagrams.port}).value == 1
        assert datagrams.udp.recv(10) == b"x"


def test_guests_can_be_servers_that_the_host_reaches(open_runtime):
    code = (
        "import socket\nserver = socket.create_server(('127.0.0.1', 0))\n"
        "client = socket.create_connection(server.getsockname())\n"
        "accepted, _ = server.accept()\nclient.sendall(b'x')\naccepted.recv(1)"
    )
    assert open_runtime.execute(code).value == b"x"


DENIED = {
    "an abstract Unix socket": "socket.socket(socket.AF_UNIX).connect(abstract)",
    "a Unix socket in a folder": "socket.socket(socket.AF_UNIX).connect('/run/x')",
    "a pair for datagrams": "socket.socketpair(type=socket.SOCK_DGRAM)",
    "raw packets": "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)",
    "frames": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "netlink": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "virtual machine sockets": "socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)",
    "a privileged mount": "import ctypes; call(libc.mount, b'x', b'.', b'tmpfs', 0, None)",
}
_CALL = "def call(f, *a):\n    if f(*a) < 0: raise OSError(ctypes.get_errno(), '')\n"


@pytest.mark.parametrize("name", DENIED)
def test_what_is_not_of_the_internet_stays_closed(open_runtime, name):
    with Datagrams() as datagrams:
        code = guest_code(_CALL + DENIED[name])
        result = open_runtime.execute(code, variables={"abstract": datagrams.name})

        assert result.value == "EPERM"
        assert datagrams.arrivals() == 0


@pytest.mark.parametrize("path", ["/etc/shadow", "/etc/ssl/private", "/root"])
def test_files_that_the_network_does_not_need_stay_closed(open_runtime, path):
    result = open_runtime.execute(guest_code("os.listdir(path)"), variables={"path": path})

    assert result.value in {"EACCES", "ENOENT", "ENOTDIR"}


def test_the_report_says_that_the_network_is_open(open_runtime):
    report = open_runtime.sandbox_report()
    network, namespace = layer_of(open_runtime, "network"), layer_of(open_runtime, "network_namespace")

    assert not report.contained
    assert (network.active, namespace.active) == (False, False)
    assert network.detail == namespace.detail == "the policy gives guests the host's network"
    assert "name in it what guests may connect to" in network.fix
    assert layer_of(open_runtime, "seccomp").active


@pytest.mark.parametrize("layer", ["network", "network_namespace"])
def test_to_require_what_the_policy_opens_is_no_policy(layer):
    with pytest.raises(ConfigError, match="with the network 'host'") as caught:
        Policy(network="host", require=[layer])

    assert caught.value.field == "Policy.require"
    assert Policy(network="host").possible_layers == Policy().possible_layers - {
        "network",
        "network_namespace",
    }


def test_the_programs_that_a_guest_of_shell_starts_have_the_network_too(web):
    code = (
        "import subprocess, sys\n"
        "program = f'import urllib.request as r; print(len(r.urlopen(\"http://127.0.0.1:{port}\").read()))'\n"
        "subprocess.run([python, '-c', program], capture_output=True, text=True).stdout"
    )
    policy = Policy(profile="shell", network="host")
    with runtime_of(policy=policy, limits=LIMITS, spares=1) as runtime:
        variables = {"port": web.port, "python": getattr(sys, "_base_executable", sys.executable)}
        assert runtime.execute(code, variables=variables).value == f"{len(PAGE)}\n"


def test_a_trusted_guest_has_the_hosts_network_as_it_always_had():
    code = "import socket\nsocket.create_connection(('127.0.0.1', port)).close()\n'reached'"
    with Listener() as listener, runtime_of(policy=Policy(profile="trusted"), spares=1) as runtime:
        assert runtime.execute(code, variables={"port": listener.port}).value == "reached"
        assert layer_of(runtime, "network").detail == "the trusted profile has no sandbox"
        assert listener.callers() == 1


def test_the_programs_that_a_guest_starts_do_not_get_the_connections_of_a_list():
    code = (
        "import os, socket\n"
        "reader, writer = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    try:\n"
        "        socket.create_connection(('127.0.0.1', port))\n"
        "        os.write(writer, b'connected')\n"
        "    except OSError as error:\n"
        "        os.write(writer, error.strerror.encode())\n"
        "    os._exit(0)\n"
        "os.read(reader, 100).decode()"
    )
    with Listener() as listener:
        policy = Policy(profile="shell", network=[f"127.0.0.1:{listener.port}"])
        with runtime_of(policy=policy, limits=LIMITS, spares=1) as runtime:
            result = runtime.execute(code, variables={"port": listener.port})

        assert isinstance(result, Completed)
        assert result.value == "processes that a guest has started have no network"
        assert listener.callers() == 0

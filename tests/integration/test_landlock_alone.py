"""What Landlock forbids by itself, tried by guests that nothing else stands in the way of.

Beside each attempt stands its counterpart on a machine without Landlock, where it succeeds.
"""

from __future__ import annotations

import os
import socket

import pytest

from dspex_actors import Completed, Policy
from dspex_actors._policy import LAYERS
from dspex_actors.workers.confine import _landlock
from tests.integration._denials import guest_code
from tests.integration._tools import QUICK, BareZygote

NAMESPACES = [layer for layer in LAYERS if layer.endswith("_namespace")]
_NETWORK, _SCOPE = 4, 6  # the first versions of Landlock that know these

# What is tried, the errno, and the version of Landlock that it takes.
ATTEMPTS = {
    "reading a file of the host": ("open(host_file).read()", "EACCES", 1),
    "writing a file of the host": ("open(host_file, 'a').close()", "EACCES", 1),
    "connecting to a port of the host": (
        "socket.create_connection(('127.0.0.1', port)).close()",
        "EACCES",
        _NETWORK,
    ),
    "listening on a port": ("socket.create_server(('127.0.0.1', 0)).close()", "EACCES", _NETWORK),
    "connecting to an abstract socket of the host": (
        "s = socket.socket(socket.AF_UNIX); s.connect(abstract); s.close()",
        "EPERM",
        _SCOPE,
    ),
    "a signal to the host": ("os.kill(host_pid, 0)", "EPERM", _SCOPE),
    "a signal to a sibling": ("os.kill(sibling, 0)", "EPERM", _SCOPE),
}


@pytest.fixture(scope="module", params=["landlock", "no landlock"])
def zygote(request, clean_module):  # noqa: ARG001 -- set up before
    """Yield a zygote that has no other layer of the kernel's, and whether it has Landlock."""
    disabled = ["seccomp", *NAMESPACES, *(["landlock"] if request.param == "no landlock" else ())]
    with BareZygote(Policy(require=()), disabled) as zygote:
        yield zygote, request.param == "landlock"


@pytest.fixture
def facts(tmp_path):
    """Yield what there is to reach in the host."""
    file = tmp_path / "host_file"
    file.write_text("of the host")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind("")  # the kernel chooses a name
        abstract.listen()
        yield {
            "host_file": str(file),
            "port": server.getsockname()[1],
            "abstract": abstract.getsockname(),
            "host_pid": os.getpid(),
        }


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_landlock_refuses_what_succeeds_without_it(zygote, facts, attempt):
    bare, has_landlock = zygote
    code, refusal, since = ATTEMPTS[attempt]
    with bare.worker() as sibling:
        result = bare.run(guest_code(code), QUICK, facts | {"sibling": sibling.facts.pid})

    assert isinstance(result, Completed), result
    assert result.value == (refusal if has_landlock and _landlock.abi() >= since else "allowed")


def test_the_layers_that_these_attempts_do_without_are_reported_missing(zygote):
    bare, has_landlock = zygote

    assert bare.layers["landlock"].active is has_landlock
    assert not any(bare.layers[name].active for name in ("seccomp", *NAMESPACES))

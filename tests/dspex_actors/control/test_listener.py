"""Who may use a control socket, how many at a time, and what is left of it at the end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from dspex_actors.control import _listener
from dspex_actors.control._client import ControlClient
from dspex_actors.control._errors import ControlProtocolError, ControlUnreachableError, RequestFailedError
from dspex_actors.control._listener import ControlListener
from dspex_actors.control._peers import Peer, may_answer, may_ask
from dspex_actors.control._place import ControlPlace
from dspex_actors.control._protocol import PROTOCOL, Hello, ListModules, Missed, encode_reply
from supervisors import System
from tests._nobody import NOBODY, readable_interpreter
from tests.dspex_actors.control._served import CEILING_S, REQUEST, asked, replies

REPOSITORY = Path(__file__).parents[3]


class Listening:
    """A listener with a system of its own."""

    def __init__(self, path, answer, **options):
        self.failures = []
        self.system = System()
        self.listener = ControlListener(
            ControlPlace.take(str(path)), answer, self.system, self.failures.append, **options
        )

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.listener.close()
        assert self.system.abandoned.records() == ()
        assert self.failures == []
        self.system.close()
        self.system.threads.join()


def one_item(request, client):
    del request
    client.send(Missed(count=1))


@pytest.mark.parametrize(
    ("uid", "own", "may"), [(0, 1000, True), (1000, 1000, True), (1001, 1000, False), (1000, 0, False)]
)
def test_a_runtimes_own_user_and_root_may_ask_it(uid, own, may):
    assert may_ask(Peer(1, uid), own) is may


@pytest.mark.parametrize(
    ("uid", "own", "may"), [(0, 1000, True), (1000, 1000, True), (1001, 1000, False), (1000, 0, True)]
)
def test_a_client_listens_to_its_own_user_and_root_and_root_to_all(uid, own, may):
    assert may_answer(Peer(1, uid), own) is may


def test_clients_are_served_one_beside_the_other_and_socket_and_lock_go_with_it(tmp_path):
    meeting = threading.Barrier(3)

    def answer(request, client):
        meeting.wait(CEILING_S)  # not one of them is answered before all of them have asked
        one_item(request, client)

    path = tmp_path / "own" / "control.sock"
    with Listening(path, answer):
        found = []
        threads = [
            threading.Thread(target=lambda: found.append(asked(path, ListModules()))) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(CEILING_S)

    assert found == [[Missed(count=1)]] * 3
    assert list(path.parent.iterdir()) == []


def test_one_client_more_than_there_is_room_for_is_told_so_and_the_next_finds_room(tmp_path, monkeypatch):
    monkeypatch.setattr(_listener, "MOST", 2)
    waiting = threading.Semaphore(0)
    path = tmp_path / "own" / "control.sock"

    def answer(request, client):
        del request
        waiting.release()
        client.wait_gone()

    with Listening(path, answer) as listening:
        clients = [ControlClient(str(path)) for _ in range(2)]
        for client in clients:
            client._socket.sendall(REQUEST)
            assert waiting.acquire(timeout=CEILING_S)
        with pytest.raises(RequestFailedError, match="2 clients are served already"):
            ControlClient(str(path))
        served = list(listening.listener._serving.values())
        for client in clients:
            client.close()
        for thread in served:
            thread.join(CEILING_S)
        ControlClient(str(path)).close()


def test_the_end_wakes_clients_that_wait_and_closes_their_connections(tmp_path):
    waiting = threading.Event()
    path = tmp_path / "own" / "control.sock"

    def answer(request, client):
        del request
        waiting.set()
        client.wait_gone()

    with Listening(path, answer):
        client = ControlClient(str(path))
        answers = client.ask(ListModules())
        client._socket.sendall(REQUEST)
        assert waiting.wait(CEILING_S)

    with client, pytest.raises(ControlUnreachableError):
        next(answers)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may ask whomever it wants; see the next test")
def test_a_process_of_another_user_than_the_runtimes_is_refused(tmp_path):
    path = tmp_path / "own" / "control.sock"
    with (
        Listening(path, one_item, own_uid=os.geteuid() + 1),
        pytest.raises(RequestFailedError, match="not to"),
    ):
        ControlClient(str(path))


STRANGER = """
import socket, sys
with socket.socket(socket.AF_UNIX) as client:
    try:
        client.connect(sys.argv[1])
        client.settimeout(30)
        print(client.recv(4096)[4:].decode())
    except PermissionError:
        print("permission denied")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("opened", [(), ("folder",), ("socket",), ("folder", "socket")], ids=repr)
def test_another_user_cannot_connect_and_is_refused_where_the_files_would_let_it(opened, caplog):
    python = readable_interpreter()
    if python is None:
        pytest.skip("no interpreter of this version can be run by other users")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # pytest's own cannot be entered by others
        path = Path(folder) / "control.sock"
        with Listening(path, one_item):
            if "folder" in opened:
                path.parent.chmod(0o755)
            if "socket" in opened:
                path.chmod(0o666)
            done = subprocess.run(
                [python, "-I", "-c", STRANGER, str(path)],
                user=NOBODY,
                group=NOBODY,
                extra_groups=[],
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            )
    if len(opened) == 2:
        assert f"this runtime listens to the users 0 and 0, not to {NOBODY}" in done.stdout
        assert "control.refused" in caplog.text
    else:
        assert done.stdout == "permission denied\n"


def test_a_client_says_why_no_runtime_can_be_reached(tmp_path):
    path = tmp_path / "control.sock"
    with pytest.raises(ControlUnreachableError, match="there is no socket"):
        ControlClient(str(path))
    with pytest.raises(ControlUnreachableError, match="no path of a socket"):
        ControlClient("nul\0byte")
    with pytest.raises(ControlUnreachableError, match="too long"):
        ControlClient("x" * 200)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
        with pytest.raises(ControlUnreachableError, match="left over by a runtime that was killed"):
            ControlClient(str(path))


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", "it has ended"),
        (encode_reply(Hello(protocol=PROTOCOL + 1, pid=1, python="4")), "it speaks version 2"),
        (encode_reply(Missed(count=1)), "no hello"),
        (b"SSH-2.0-OpenSSH\r\n", "a frame of 1397966893 bytes"),
    ],
)
def test_a_client_refuses_what_does_not_greet_like_a_runtime(tmp_path, sent, said):
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as impostor:
        impostor.bind(str(path))
        impostor.listen()

        def serve():
            connection, _ = impostor.accept()
            with connection:
                connection.sendall(sent)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises((ControlProtocolError, ControlUnreachableError), match=said):
            ControlClient(str(path))
        thread.join(CEILING_S)


def test_a_client_loads_nothing_of_the_runtime():
    script = "import json, sys; import dspex_actors.control._client; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, check=True)

    for name in (b"pykka", b"supervisors", b"numpy", b"rich", b"asyncio", b"pickle"):
        assert b"'" + name + b"'" not in done.stdout


def test_a_connection_that_says_nothing_does_not_keep_others_from_being_served(tmp_path):
    path = tmp_path / "own" / "control.sock"
    with Listening(path, one_item), socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(path))
        assert asked(path, ListModules()) == [Missed(count=1)]
        silent.sendall(REQUEST)
        silent.settimeout(CEILING_S)
        assert replies(silent)[1] == Missed(count=1)

"""Proxies without actors, and both ends of what they carry."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from dspex_actors._network import parse_rule
from dspex_actors.executors._proxy import Proxy
from dspex_actors.workers._network_calls import GuestSocket
from dspex_actors.workers._network_protocol import read_answer
from supervisors.testing import CEILING_S


def open_descriptors():
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def run_in_thread(name, work):
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread


class Records:
    """Stands in for the record of abandoned threads."""

    def __init__(self):
        self.left = []
        self.empty = threading.Event()

    def add(self, what, thread):
        assert thread.is_alive()
        self.left.append(what)
        return lambda: (self.left.remove(what), self.empty.set())


@contextmanager
def proxy_of(*entries, names=(), on_failure=lambda error: pytest.fail(str(error)), records=None):
    """Yield a proxy with a list, and a resolver that knows some names."""
    known, records = dict(names), records or Records()

    def look_up(name, _port):
        addresses = known.get(name)
        if callable(addresses):
            addresses = addresses()
        if addresses is None:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return addresses

    before = open_descriptors()
    rules = [parse_rule(entry) for entry in entries]
    proxy = Proxy(rules, run_in_thread, records.add, on_failure, look_up)
    try:
        yield proxy
    finally:
        assert proxy.close()
        assert open_descriptors() <= before


class Server:
    """Takes one connection at a time on the loopback interface."""

    def __init__(self, address="127.0.0.1"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.bind((address, 0))
        self.socket.listen(8)
        self.socket.settimeout(CEILING_S)
        self.port = self.socket.getsockname()[1]

    def accept(self):
        connection, _ = self.socket.accept()
        connection.settimeout(CEILING_S)
        return connection

    def was_called(self):
        """Whether somebody waits to be accepted; who had been connected by now would be there."""
        self.socket.settimeout(0)
        try:
            self.socket.accept()[0].close()
        except BlockingIOError:
            return False
        finally:
            self.socket.settimeout(CEILING_S)
        return True


def pair():
    """Return the guest's half of a pair, and the host's."""
    guest, theirs = socket.socketpair()
    guest.settimeout(CEILING_S)
    host = GuestSocket(fileno=theirs.detach())
    host.settimeout(0)
    return guest, host


def ask(use, host, port, padding=0):
    """Return the guest's socket after it has asked for a connection, and the answer."""
    guest, theirs = pair()
    if padding:
        guest.sendall(bytes(padding))
    use.connect(host, port, padding, theirs)
    return guest, read_answer(guest.recv)

"""A Unix socket in front of a server, which breaks connections at a chosen moment of an operation."""

from __future__ import annotations

import selectors
import shutil
import socket
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from tests.integration.state._processes import CEILING_S, SHORT_FOLDER

CHUNK = 2**16


class Cutter:
    """Hands on what clients and the server say. Told so, it breaks off the connection that speaks next.

    Args:
        address: path of the server's socket; the one here has the same name.
    """

    def __init__(self, address):
        self._server = address
        self.folder = Path(tempfile.mkdtemp(prefix="dspex-cut-", dir=SHORT_FOLDER))
        self.address = self.folder / Path(address).name
        self._lock = threading.Lock()
        self._cut = None
        self.cuts = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.address))
        self._listener.listen()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._ours, self._theirs = socket.socketpair()
        self._selector.register(self._theirs, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def cut_the_request(self, *, after=0, times=1):
        """Break off instead of handing on what a client says next, or so many times after that."""
        with self._lock:
            self._cut = ("request", after, times)

    def cut_the_answer(self, *, after=0, times=1):
        """Hand on what a client says, and break off when the server has answered, or so many times after."""
        with self._lock:
            self._cut = ("answer", after, times)

    def cut_nothing(self):
        with self._lock:
            self._cut = None

    def _is_cut(self, kind):
        with self._lock:
            if self._cut is None or self._cut[0] != kind:
                return False
            _, after, times = self._cut
            if after:
                self._cut = (kind, after - 1, times)
                return False
            self._cut = (kind, 0, times - 1) if times > 1 else None
            self.cuts += 1
            return True

    def _run(self):
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._theirs:
                    return
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj.fileno() >= 0:
                    self._hand_on(key.fileobj, *key.data)

    def _accept(self):
        client, _ = self._listener.accept()
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(self._server)
        except OSError:
            client.close()
            server.close()
            return
        self._selector.register(client, selectors.EVENT_READ, ("request", server))
        self._selector.register(server, selectors.EVENT_READ, ("answer", client))

    def _hand_on(self, source, kind, target):
        data = b""
        with suppress(OSError):
            data = source.recv(CHUNK)
        if not data or self._is_cut(kind):
            self._end(source, target)
            return
        try:
            target.sendall(data)
        except OSError:
            self._end(source, target)

    def _end(self, *sockets):
        for each in sockets:
            self._selector.unregister(each)
            each.close()

    def close(self):
        self._ours.close()
        self._thread.join(CEILING_S)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()
        shutil.rmtree(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

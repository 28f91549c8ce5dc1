"""Servers on the loopback interface, for guests that are allowed to reach them and for those that are not."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.integration._tools import CEILING_S

PAGE = b"a page of the server\n" * 10


class _Pages(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[::-1])

    def log_message(self, *_):
        pass


class WebServer:
    """An HTTP server; with a certificate, an HTTPS server."""

    def __init__(self, certificate=None):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
        self._server.daemon_threads = False
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join(CEILING_S)
        self._server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()


class Listener:
    """A port whose connections the test itself takes."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(CEILING_S)
        self.port = self.socket.getsockname()[1]

    def accept(self):
        connection, _ = self.socket.accept()
        connection.settimeout(CEILING_S)
        return connection

    def callers(self):
        """Take everybody who has connected by now and return how many they were."""
        self.socket.settimeout(0)
        count = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                self.socket.accept()[0].close()
                count += 1
        self.socket.settimeout(CEILING_S)
        return count

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.socket.close()


class Datagrams:
    """A UDP port and an abstract Unix one; both count what arrives."""

    def __init__(self):
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.port = self.udp.getsockname()[1]
        self.unix = socket.socket(socket.AF_UNIX)
        self.unix.bind("")  # the kernel chooses an abstract name
        self.unix.listen()
        self.name = self.unix.getsockname()

    def arrivals(self):
        """Return how many datagrams and callers have come."""
        count = 0
        for sock in (self.udp, self.unix):
            sock.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            self.udp.recv(10)
            count += 1
        with contextlib.suppress(BlockingIOError):
            self.unix.accept()[0].close()
            count += 1
        return count

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.udp.close()
        self.unix.close()


def make_certificate(folder) -> str:
    """Make a key and a certificate for localhost, in one file; return its path."""
    key, certificate, both = (Path(folder) / name for name in ("key.pem", "certificate.pem", "both.pem"))
    names = "-days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes {names} -keyout {key} -out {certificate}"
    subprocess.run(command.split(), check=True, capture_output=True)
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    return str(both)


def make_signed_certificate(folder) -> tuple[str, str]:
    """Make an authority, and a key and a certificate of it for localhost, for clients that trust no other.

    Returns:
        The paths of the authority's certificate, and of a file with the key and the certificate.
    """
    names = ("authority.key", "authority.pem", "key.pem", "request.pem", "certificate.pem", "both.pem")
    root_key, root, key, request, certificate, both = (Path(folder) / name for name in names)
    extensions = Path(folder) / "extensions"
    extensions.write_text("subjectAltName=DNS:localhost\n")
    new = "-newkey rsa:2048 -nodes"
    signed = f"-CA {root} -CAkey {root_key} -CAcreateserial -extfile {extensions} -out {certificate}"
    for command in (
        f"openssl req -x509 {new} -days 2 -subj /CN=authority -keyout {root_key} -out {root}",
        f"openssl req {new} -subj /CN=localhost -keyout {key} -out {request}",
        f"openssl x509 -req -in {request} -days 2 {signed}",
    ):
        subprocess.run(command.split(), check=True, capture_output=True)
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    return str(root), str(both)

"""Guests that reach one host and no other: a list, what it refuses, and how much they may carry."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dspex_actors as dspex
from dspex_actors import GuestError, Limits, Policy

# expect: stopped: the guest exceeded its network_bytes limit of 4 KiB

FETCH = """
import urllib.request
urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}").read().decode()
"""
# A name that leads into the host's own network is refused although it is listed.
INSIDE = """
import socket
socket.create_connection(("localhost", port))
"""


class Weather(BaseHTTPRequestHandler):
    """A service of ours: a forecast, or a long story."""

    def do_GET(self) -> None:
        """Answer one request."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"rain " * 10_000 if self.path == "/story" else b"rain")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


server = ThreadingHTTPServer(("127.0.0.1", 0), Weather)
threading.Thread(target=server.serve_forever, daemon=True).start()
port = server.server_port

policy = Policy(network=(f"127.0.0.1:{port}", f"localhost:{port + 1}", "*.pythonhosted.org"))
with dspex.Runtime() as rt:
    known = {"port": port, "path": "forecast"}
    result = rt.execute(FETCH, policy=policy, variables=known)
    print("forecast:", result.unwrap(), f"({result.usage.network_bytes} bytes)")

    try:
        rt.execute(INSIDE, policy=policy, variables={"port": port + 1}).unwrap()
    except GuestError as error:
        print("inside:", error)

    limits = Limits(network_bytes=4096)
    print("stopped:", rt.execute(FETCH, policy=policy, variables=known | {"path": "story"}, limits=limits))
server.shutdown()
server.server_close()

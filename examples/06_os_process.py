"""A supervised operating system process: killed from outside, replaced by one that was ready already."""

from __future__ import annotations

import os
import signal
import socket
import sys

from supervisors import Command, Launch, OsProcess, Supervisor, WarmSpare

# expect: generation 2: HELLO AGAIN, by the one that was waiting: True

PROGRAM = """import socket, sys
channel = socket.socket(fileno=int(sys.argv[1]))
channel.sendall(b"ready")
while line := channel.recv(1000): channel.sendall(line.upper())
"""


class Shouter(Launch):
    """How the process is started and spoken to: over a socket it inherits."""

    def command(self) -> Command:
        """Make the socket."""
        self.channel, self.theirs = socket.socketpair()
        number = self.theirs.fileno()
        return Command(argv=[sys.executable, "-I", "-S", "-c", PROGRAM, str(number)], pass_fds=[number])

    def on_spawned(self) -> None:
        """Wait until the process says that it is ready."""
        self.theirs.close()
        if self.channel.recv(5) != b"ready":
            raise EOFError

    def close(self) -> None:
        """Close the host's end."""
        self.channel.close()


class Server(OsProcess):
    """The actor that owns the process: its end is the actor's crash."""

    def handle_call(self, message: str, sender: object) -> tuple[int, str]:  # noqa: ARG002 -- it answers at once
        """Return the process and its answer."""
        self.launch.channel.sendall(message.encode())
        return self.process.pid, self.launch.channel.recv(1000).decode()


spare = WarmSpare(Shouter)
with Supervisor.start([spare.child_spec(), Server.child_spec(id="server", spare=spare)]) as tree:
    server, waiting = tree.child("server"), spare.process_id()
    old, (process, answer) = server.pid, server.call("hello")
    print(f"generation {old.generation}: {answer}")
    os.kill(process, signal.SIGKILL)
    old.wait_exit(5)
    server.wait_available(5)
    process, answer = server.call("hello again")
    print(f"generation {server.pid.generation}: {answer}, by the one that was waiting: {process == waiting}")

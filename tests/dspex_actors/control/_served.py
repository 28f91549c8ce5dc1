"""A control socket for one test, and clients of it that do what they should and what they should not."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager

from dspex_actors.control._actor import ControlActor, ControlDoor
from dspex_actors.control._client import ControlClient
from dspex_actors.control._conversation import Conversation
from dspex_actors.control._protocol import (
    MAX_REPLY_BYTES,
    FrameReader,
    ListModules,
    decode_reply,
    encode_request,
)
from dspex_actors.modules import Modules
from dspex_actors.runtime._answers import Answers
from supervisors import Supervisor

CEILING_S = 30
REQUEST = encode_request(ListModules())


@contextmanager
def conversing(answer, **options):
    """Yield a client's end of a conversation that a thread serves, and wait for the thread."""
    ours, theirs = socket.socketpair()
    conversation = Conversation(ours, answer, **options)
    thread = threading.Thread(target=conversation.serve)
    thread.start()
    theirs.settimeout(CEILING_S)
    with theirs:
        try:
            yield theirs
        finally:
            conversation.close()
            thread.join(CEILING_S)
            assert not thread.is_alive()


def replies(connection):
    """Return all replies until the other side closes."""
    reader, bodies = FrameReader(MAX_REPLY_BYTES), []
    while data := connection.recv(65536):
        bodies += reader.feed(data)
    assert not reader.inside
    return [decode_reply(each) for each in bodies]


def asked(path, request):
    """Ask a runtime; return the items of its answer."""
    with ControlClient(str(path)) as client:
        return list(client.ask(request))


@contextmanager
def controlled(path, **options):
    """Yield modules that a control socket shows, in a tree of their own."""
    modules = Modules(**options)
    door = ControlDoor(str(path), Answers(lambda: modules).answer)
    children = [modules.child_spec(id="modules"), ControlActor.child_spec(door, id="control")]
    with Supervisor.start(children, strategy="one_for_one", intensity=3, period=5) as tree:
        modules.tree = tree
        yield modules
    modules.close()

"""The thread that takes connections of a control socket, and those that serve them."""

from __future__ import annotations

import os
import select
import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from dspex_actors._log import log
from dspex_actors.control._conversation import PATIENCE_S, Conversation
from dspex_actors.control._peers import may_ask, peer_of
from dspex_actors.control._protocol import Failed, encode_reply

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from dspex_actors.control._conversation import Answer
    from dspex_actors.control._place import ControlPlace
    from supervisors import System
    from supervisors._threads import ActorThread

MOST: Final = 32  # clients at the same time; arbitrary
_CLOSE_S: Final = 5.0  # seconds until a thread is left behind; one that is woken needs microseconds
_PAUSE_MS: Final = 100  # until a machine without a free descriptor is asked again; arbitrary


class ControlListener:
    """Takes connections until `close`.

    A client of another user than this process's and root gets no answer. `MOST` clients are served at a time.

    Args:
        place: where it listens; closed with it.
        answer: does what clients ask, in a thread of the tree for each.
        system: of the tree.
        on_failure: told when it has ended by a fault, in its thread.
        patience_s: seconds that a client may take; see `Conversation`.
        own_uid: the user whose processes may ask.

    Raises:
        OSError: the machine has no room for it; the place is closed.
    """

    def __init__(
        self,
        place: ControlPlace,
        answer: Answer,
        system: System,
        on_failure: Callable[[BaseException], object],
        *,
        patience_s: float = PATIENCE_S,
        own_uid: int | None = None,
    ) -> None:
        self._place = place
        self._answer = answer
        self._system = system
        self._on_failure = on_failure
        self._patience_s = patience_s
        self._own_uid = os.geteuid() if own_uid is None else own_uid
        self._lock = threading.Lock()
        self._closing = False
        self._serving: dict[Conversation, ActorThread | None] = {}
        try:
            self._sleeper, self._wake = os.pipe()
        except OSError:
            place.close()
            raise
        place.listener.setblocking(False)  # noqa: FBT003 -- the standard library's signature
        self._thread = system.run_in_thread("dspex-control", self._run)

    def close(self) -> None:
        """Take no more connections, end those there are, wait for the threads, and remove the socket."""
        with self._lock:
            self._closing = True
            serving = dict(self._serving)
        os.close(self._wake)
        for conversation in serving:
            conversation.close()
        deadline = time.monotonic() + _CLOSE_S
        for thread in (self._thread, *serving.values()):
            if thread is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
                if thread.is_alive():
                    self._system.abandoned.add("a control connection", thread)
        self._place.close()

    # -- in its thread

    def _run(self) -> None:
        try:
            self._take_all()
        except Exception as error:  # noqa: BLE001 -- its actor fails with it
            self._on_failure(error)
        finally:
            os.close(self._sleeper)

    def _take_all(self) -> None:
        poll, listener = select.poll(), self._place.listener
        poll.register(self._sleeper, 0)  # the other end is closed: no event that one has to ask for
        poll.register(listener, select.POLLIN)
        while not any(descriptor == self._sleeper for descriptor, _ in poll.poll()):
            try:
                connection, _ = listener.accept()
            except BlockingIOError:
                continue  # it has gone again
            except OSError as error:
                log("error", "control.not_accepted", error=error)
                if self._is_closing_within(_PAUSE_MS):
                    return
                continue
            try:
                self._take(connection)
            except BaseException:
                connection.close()
                raise

    def _is_closing_within(self, milliseconds: int) -> bool:
        poll = select.poll()
        poll.register(self._sleeper, 0)
        return bool(poll.poll(milliseconds))

    def _take(self, connection: socket.socket) -> None:
        refusal = self._refusal(connection)
        if refusal:
            _refuse(connection, refusal)
            return
        conversation = Conversation(connection, self._answer, patience_s=self._patience_s)
        with self._lock:
            if self._closing:
                connection.close()
                return
            self._serving[conversation] = None
            try:
                thread = self._system.run_in_thread(
                    "dspex-control-client", partial(self._serve, conversation)
                )
            except RuntimeError as error:  # no room for a thread
                del self._serving[conversation]
                _refuse(connection, str(error))
                return
            self._serving[conversation] = thread

    def _refusal(self, connection: socket.socket) -> str:
        try:
            peer = peer_of(connection)
        except OSError as error:
            return str(error)
        if not may_ask(peer, self._own_uid):
            log("warning", "control.refused", user=peer.uid, process=peer.pid)
            return f"this runtime listens to the users {self._own_uid} and 0, not to {peer.uid}"
        with self._lock:
            if len(self._serving) >= MOST:
                return f"{MOST} clients are served already; try again"
        return ""

    def _serve(self, conversation: Conversation) -> None:
        try:
            conversation.serve()
        finally:
            with self._lock:
                self._serving.pop(conversation, None)


def _refuse(connection: socket.socket, reason: str) -> None:
    """Say why, if that takes no time, and close."""
    with suppress(OSError):
        connection.setblocking(False)  # noqa: FBT003 -- the standard library's signature
        connection.sendall(encode_reply(Failed(kind="refused", reason=reason)))
    connection.close()

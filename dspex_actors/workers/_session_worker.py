"""The host's handle on the worker of a session whose state can be copied.

Beside the data socket there is a line: a socket to the session's keeper, which never runs guest code. By it
copies are made, dropped and woken, and it tells how the worker ended. A copy that is woken gets a new data
socket, so nothing that the worker before has sent, or half sent, can be mistaken for its own.

A request ends in one of two ways, decided under one lock: its final frame is accepted, or the worker is
killed. So a request whose result was given out is never undone by a kill that was meant for it.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from dspex_actors._errors import ProtocolError, WorkerLostError
from dspex_actors._execution import WorkerFacts
from dspex_actors.workers import _framing, _protocol
from dspex_actors.workers import _keeping_protocol as protocol
from dspex_actors.workers._causes import Cause
from dspex_actors.workers._guest_files import take
from dspex_actors.workers._kept import KeptWorker
from dspex_actors.workers._pidfds import pid_behind
from dspex_actors.workers._protocol import FrameType, receive_with_fds, send_with_fds
from dspex_actors.workers._session_group import Group

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dspex_actors.workers._causes import Timers
    from dspex_actors.workers._keeping_protocol import News, Order

_PATIENCE_S = 10.0
"""How long the keeper may take to answer; it gives a silent copy five seconds."""

_SILENT_S = 2.0
"""A copy that failed after more than that has said nothing: the guest has broken what it would say it by."""

_OUTSTANDING_S = 0.1
"""How long a copy that a worker was making when it ended may take to turn up."""

_DEATH_WAIT_S = 5.0
_ENDED = "the worker ended while it was copied"
_GONE = "its checkpoint was gone"
_ONE_COPY = "it has write paths, of which its branches would share one copy"
_NO_ANSWER = "the keeper did not answer"


class NoCopiesError(Exception):
    """The worker cannot be copied; the message says why."""


class SessionWorker(KeptWorker):
    """See the module. `execute` and what changes the state is for one thread at a time.

    Args:
        line: the socket to the keeper.
        group: of the session that this one branched off; None for a new one.
        reseed: whether random generators start anew in a copy that is woken.
    """

    no_copies = ""

    def __init__(
        self,
        data: socket.socket,
        control: socket.socket,
        worker_id: int,
        profile: str,
        sandbox: Mapping[str, bool],
        *,
        line: socket.socket,
        reseed: bool,
        group: Group | None = None,
    ) -> None:
        super().__init__(data, control, worker_id, profile, sandbox)
        self._line = line
        self._reseed = reseed
        self._group = group
        self._number = 0  # of the line
        self._last_words: protocol.Ended | None = None
        self._vanished: dict[int, str] = {}
        self._is_closed = False
        self._unconfirmed = 0  # number of a copy that has not said that it sleeps
        self._unwanted: list[int] = []  # copies that were given up before it was known whether they exist
        self._mute = ""  # why the worker is not asked for copies any more
        self.copy_s = 0.0

    # -- the beginning

    def wait_ready(self, timeout_s: float, timers: Timers) -> None:
        """Wait until the worker is confined and warm.

        Args:
            timeout_s: seconds it may take.
            timers: arms the timeout.

        Raises:
            NoCopiesError: the zygote could not start a keeper; a worker of another kind may do.
            WorkerLostError: it ended or was not ready in time; it is killed.
        """
        born, fds = self._be_born(timeout_s)
        fds, self.files = take(fds, self.file_rules)
        if not isinstance(born, _protocol.Born) or len(fds) != 2:
            self.close()
            raise NoCopiesError(getattr(born, "reason", "the zygote gave no pid namespace"))
        self._group = Group(born.pid, (fds[0], fds[1]), self._control)
        if not self._await_worker(timeout_s):
            self.close()
            raise WorkerLostError("the keeper did not start a worker")
        self._wait_confined(timeout_s, timers)

    def _await_worker(self, timeout_s: float) -> bool:
        """Wait for a worker on the line and take it; False if none comes in time."""
        deadline = time.monotonic() + timeout_s
        while (news := self._next_news(deadline)) is not None:
            match news:
                case protocol.Started(), [pidfd]:
                    self._take_worker(news[0].line, pidfd)
                    return True
                case protocol.NotFrozen(reason=reason), _:
                    raise NoCopiesError(reason)
        return False

    def _take_worker(self, line: int, pidfd: int, data: socket.socket | None = None) -> None:
        """Note a worker, in place of an older one."""
        with self._lock:
            older, self._pidfd = self._pidfd, pidfd
            self._number, self._mute = line, ""
            self._cause, self._last_words = (self._cause if older < 0 else None), None
            self.facts = WorkerFacts(self._id, pid_behind(pidfd), self._profile)
            if data is not None:
                self._data.close()
                self._attach(data)
        if older >= 0:
            os.close(older)

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._is_closed

    def pids(self) -> tuple[int, ...]:
        """Return the process ids of the worker and the keeper, as the host sees them."""
        keeper = 0 if self._group is None else self._group.keeper_pid
        return tuple(pid for pid in (self.facts.pid, keeper) if pid)

    # -- copies of the state

    def freeze(self, number: int, superfluous: list[int]) -> str:
        """Make a copy of the present state, and drop some others once it sleeps; see `KeptWorker.freeze`.

        Returns as soon as there is another process. That it has said to the keeper what it is, and sleeps,
        is waited for when somebody needs to know.

        Raises:
            WorkerLostError: the keeper has ended.
        """
        self.confirm()
        if self._mute:
            return self._mute
        begun = time.monotonic()
        self._order(protocol.Allow(number, [*superfluous, *self._unwanted]), [])
        self._unwanted = []
        self._unconfirmed = number
        if self._become_two(number, split=False):
            self.copy_s = time.monotonic() - begun
            return ""
        return self._outcome_of(number)

    def _outcome_of(self, number: int) -> str:
        """Return why a copy was not made; empty if it was, though its worker has ended since."""
        deadline = time.monotonic() + _PATIENCE_S
        while self._unconfirmed and (news := self._next_news(deadline)) is not None:
            match news[0]:
                case protocol.NotFrozen(number=each, reason=reason) if each == number:
                    self._unconfirmed = 0
                    return reason
                case protocol.Ended():
                    deadline = time.monotonic() + _OUTSTANDING_S
        if not self._unconfirmed:
            return ""
        self._unconfirmed = 0
        self._unwanted.append(number)  # should it turn up yet
        return _ENDED if self._last_words is not None else _NO_ANSWER

    def _become_two(self, number: int, *, split: bool) -> bool:
        """Have the worker fork; False if it did not, or has ended."""
        order = protocol.Freeze(self._number, number, split, self._reseed)
        self._caps.clear()
        self._caps[FrameType.FROZEN] = 1
        self._data.settimeout(_PATIENCE_S)
        try:
            _framing.send_frame(self._data, FrameType.FREEZE, 0, [protocol.encode(order)])
            frame = self._reader.read()
        except (OSError, ProtocolError):
            self.kill(
                Cause.PROTOCOL
            )  # if it has not ended already: it is stuck, or says what it was not asked
            return False
        finally:
            with suppress(OSError):  # it may be closed
                self._data.settimeout(None)
        return frame is not None and bytes(frame.payload) == b"\1"

    def confirm(self) -> None:
        """Wait until the last copy sleeps, or is known not to.

        Raises:
            WorkerLostError: the keeper has ended.
        """
        begun = time.monotonic()
        while self._unconfirmed and (news := self._next_news(begun + _PATIENCE_S)) is not None:
            if isinstance(news[0], protocol.NotFrozen) and news[0].number == self._unconfirmed:
                self._vanished[self._unconfirmed] = news[0].reason
                self._unconfirmed = 0
                if time.monotonic() - begun > _SILENT_S:
                    self._mute = news[0].reason  # to be asked again would cost as much for every call

    def restore(self, number: int, newer: list[int]) -> bool:
        """Let a copy take the place of the worker; see `KeptWorker.restore`.

        Raises:
            WorkerLostError: the keeper has ended, or did not answer.
        """
        self.confirm()
        data, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            self._order(protocol.Wake(number, newer), [theirs.fileno()])
        deadline = time.monotonic() + _PATIENCE_S
        while (news := self._next_news(deadline)) is not None:
            match news:
                case protocol.Started(line=line), [pidfd]:
                    self._take_worker(line, pidfd, data)
                    return True
                case protocol.Missing(number=missing), _ if missing == number:
                    data.close()
                    return False
        data.close()
        raise WorkerLostError("the keeper did not wake a copy")

    def branch(self, worker_id: int) -> SessionWorker:
        """Return the worker of a new line that starts from the present state.

        Args:
            worker_id: its number.

        Raises:
            NoCopiesError: it could not be made; this worker is as it was.
            WorkerLostError: the keeper has ended.
        """
        assert self._group is not None  # noqa: S101 -- it was ready
        if self.files is not None and self.files.has_copies:
            raise NoCopiesError(_ONE_COPY)
        self.confirm()
        data, their_data = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        line, their_line = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with their_data, their_line:
            self._order(protocol.Split(), [their_data.fileno(), their_line.fileno()])
        self._become_two(0, split=True)
        self._group.join()
        new = SessionWorker(
            data,
            line,  # the zygote tells nothing of a branch
            worker_id,
            self._profile,
            self._sandbox,
            line=line,
            reseed=self._reseed,
            group=self._group,
        )
        new.files = None if self.files is None else self.files.share()
        new.use_network(self._network)
        new.zygote_pid = self.zygote_pid
        try:
            came = new._await_worker(_PATIENCE_S)
        except BaseException:
            new.close()
            raise
        if not came:
            new.close()
            raise NoCopiesError(_NO_ANSWER)
        return new

    def vanished(self) -> dict[int, str]:
        """Return the numbers of copies that do not exist, or not any more, with the reason, each once.

        Raises:
            WorkerLostError: the keeper has ended.
        """
        self.confirm()
        while self._next_news(0.0) is not None:
            continue
        vanished, self._vanished = self._vanished, {}
        return vanished

    # -- the end

    def _exited(self) -> _protocol.Exited | None:
        """Return what the keeper tells of the worker's end, None if it ended without telling."""
        deadline = time.monotonic() + _DEATH_WAIT_S
        try:
            while self._last_words is None and self._next_news(deadline) is not None:
                continue
        except WorkerLostError:
            return None
        words = self._last_words
        return None if words is None else _protocol.Exited(words.status, words.cpu_s)

    def close(self) -> bool:
        """End the line and give its descriptors back; True when it is seen dead. Quiet the second time."""
        with self._lock:
            if self._is_closed:
                return True
            self._is_closed = True
        self.kill(Cause.SPENT)
        if self.files is not None:
            self.files.close()
        dead = True
        if self._group is None:
            self._control.close()
        else:
            dead = self._group.leave(in_order=self._end_line(), wait_s=_DEATH_WAIT_S)
        self._line.close()
        self._data.close()
        with self._lock:
            if self._pidfd >= 0:
                os.close(self._pidfd)
                self._pidfd = -1
        return dead

    def _end_line(self) -> bool:
        """Have the keeper end all that belongs to the line; False if it does not say in time that it has."""
        deadline = time.monotonic() + _DEATH_WAIT_S
        try:
            self._order(protocol.End(), [])
            while (news := self._next_news(deadline)) is not None:
                if isinstance(news[0], protocol.Over):
                    return True
        except WorkerLostError:
            return True  # it gave the line up before, or has ended and everything with it
        return False

    # -- the line

    def _order(self, order: Order, fds: list[int]) -> None:
        """Tell the keeper what to do.

        Raises:
            WorkerLostError: it has ended.
        """
        try:
            send_with_fds(self._line, protocol.encode(order), fds)
        except OSError as error:
            raise WorkerLostError(f"the session's keeper has ended: {error}") from error

    def _next_news(self, deadline: float) -> tuple[News, list[int]] | None:
        """Return the keeper's next message and its descriptors; None if none comes in time.

        Raises:
            WorkerLostError: it has ended.
        """
        self._line.settimeout(max(0.0, deadline - time.monotonic()))
        try:
            message, fds = receive_with_fds(self._line, 4096, 1)
        except (TimeoutError, BlockingIOError):
            return None
        except OSError as error:
            raise WorkerLostError(f"the session's keeper has ended: {error}") from error
        if not message:
            raise WorkerLostError("the session's keeper has ended")
        news = protocol.decode_news(message)
        if isinstance(news, protocol.Ended):
            self._last_words = news
        elif isinstance(news, protocol.Missing):
            self._vanished[news.number] = _GONE
        elif isinstance(news, protocol.Frozen) and news.number == self._unconfirmed:
            self._unconfirmed = 0
        return news, fds

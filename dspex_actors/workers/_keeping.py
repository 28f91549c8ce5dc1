"""The books of a keeper: which process is what, who may fork, who sleeps. No process or socket in here.

Every method takes what has happened and returns what is to be done. Processes are known by their process ids,
lines by numbers. Guarantees, whatever the processes of a session do:

- a line has at most one worker, and a copy becomes the worker only after the worker before has ended;
- a process may fork only if the host has said so, and the next time only once it is known what became of the
  new process;
- a line is over only when all that belonged to it has ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from dspex_actors.workers import _keeping_protocol as protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

_THREADS = "{} threads are alive, and a copy would have one"
_UNSEEN = "the threads of the worker cannot be counted"
_SILENT = "the copy did not say that it was there"
_BUSY = "another copy is being made"
_ENDED = "the worker has ended"


class Kill(NamedTuple):
    """Kill a process."""

    pid: int


class Rouse(NamedTuple):
    """Hand a sleeping process the data socket that the host has sent for its line."""

    pid: int
    line: int


class Tell(NamedTuple):
    """Send news to the host, on the line's socket; `Started` with the worker's pidfd."""

    line: int
    news: protocol.News


class Close(NamedTuple):
    """Give up a line: its socket, and data sockets that nobody has taken."""

    line: int


Action: TypeAlias = Kill | Rouse | Tell | Close


@dataclass
class Permit:
    """What the host has let a line's worker do.

    Attributes:
        number: of the copy; 0 for a split.
        superfluous: copies to end once this one exists.
        new_line: the line that a split makes; None for a copy.
        forks: how many are still allowed. A split takes two: the process in between ends at once, so that
            the keeper becomes the parent of the new worker, and learns its exit status.
        began: when the first one was made; None until then.
    """

    number: int
    superfluous: list[int] = field(default_factory=list)
    new_line: int | None = None
    forks: int = 1
    began: float | None = None


@dataclass
class Line:
    """One worker and its copies.

    Attributes:
        worker: its process id; None while there is none.
        copies: process id by number.
        permit: what the worker may do now.
        orphans: permits of workers that have ended since they forked; the new process may still come.
        waking: number of the copy that becomes the worker as soon as the one before has ended.
        ending: whether all of it is to end.
    """

    worker: int | None = None
    copies: dict[int, int] = field(default_factory=dict)
    permit: Permit | None = None
    orphans: list[Permit] = field(default_factory=list)
    waking: int | None = None
    ending: bool = False

    def permits(self) -> list[Permit]:
        """Return what was allowed and has not come to its end."""
        return [*self.orphans, *([] if self.permit is None else [self.permit])]

    def drop(self, permit: Permit) -> None:
        """Forget a permit."""
        self.orphans = [each for each in self.orphans if each is not permit]
        if self.permit is permit:
            self.permit = None


class Books:
    """See the module.

    Attributes:
        lines: by number.
    """

    def __init__(self) -> None:
        self.lines: dict[int, Line] = {}
        self._condemned: dict[int, int] = {}  # killed and not seen dead yet: process id to line
        self._new_lines = 0

    def begin(self, pid: int) -> int:
        """Note the worker of the first line; return the line."""
        line_id = self._add_line()
        self.lines[line_id].worker = pid
        return line_id

    def _add_line(self) -> int:
        self._new_lines += 1
        self.lines[self._new_lines] = Line()
        return self._new_lines

    def known(self) -> set[int]:
        """Return the processes that are thought to live."""
        found = set(self._condemned)
        for line in self.lines.values():
            found.update(line.copies.values(), () if line.worker is None else (line.worker,))
        return found

    def workers(self) -> set[int]:
        """Return the processes that run calls."""
        return {line.worker for line in self.lines.values() if line.worker is not None}

    # -- what the host asks for

    def allow(self, line_id: int, number: int, superfluous: list[int]) -> list[Action]:
        """Let a worker make a copy."""
        return self._permit(line_id, Permit(number, superfluous))

    def split(self, line_id: int) -> tuple[int, list[Action]]:
        """Let a worker make the first one of a new line; return that line, too."""
        new_line = self._add_line()
        return new_line, self._permit(line_id, Permit(0, new_line=new_line, forks=2))

    def _permit(self, line_id: int, permit: Permit) -> list[Action]:
        line = self.lines[line_id]
        if line.worker is None or line.ending:
            return self._refuse(line_id, permit, _ENDED)
        if line.permit is not None:
            return self._refuse(line_id, permit, _BUSY)
        line.permit = permit
        return []

    def wake(self, line_id: int, number: int, newer: list[int]) -> list[Action]:
        """Let a copy take the place of the worker."""
        line = self.lines[line_id]
        if number not in line.copies or line.waking is not None or line.ending:
            return [Tell(line_id, protocol.Missing(number))]
        line.waking = number
        actions = self._end_copies(line_id, [each for each in newer if each != number])
        if line.worker is not None:
            return [*actions, Kill(line.worker)]
        return [*actions, *self._rouse(line_id)]

    def end(self, line_id: int) -> list[Action]:
        """End all that belongs to a line; nothing happens if it is over."""
        line = self.lines.get(line_id)
        if line is None:
            return []
        line.ending, line.waking = True, None
        for parent in self.lines.values():
            if (
                parent.permit is not None
                and parent.permit.new_line == line_id
                and parent.permit.began is None
            ):
                parent.permit = None  # it has not begun, and is not wanted any more
        actions = self._end_copies(line_id, list(line.copies))
        if line.worker is not None:
            actions.append(Kill(line.worker))
        return [*actions, *self._over(line_id)]

    # -- what the processes do

    def may_fork(self, pid: int, threads: int, now: float) -> tuple[bool, list[Action]]:
        """Answer a process that wants to fork.

        Args:
            pid: the process, if its main thread asks; else the thread.
            threads: how many a worker has; 0 if that cannot be seen.
            now: seconds, for `silent`.
        """
        for line_id, line in self.lines.items():
            permit = line.permit
            if permit is None or line.worker != pid or line.ending:
                continue
            if permit.began is not None:
                return False, []
            if threads != 1:
                line.drop(permit)
                return False, self._refuse(line_id, permit, _THREADS.format(threads) if threads else _UNSEEN)
            permit.began = now
            permit.forks -= 1
            return True, []
        for _, line, permit in self._begun():
            if permit.forks and pid not in self.known() and not line.ending:
                permit.forks -= 1  # the process in between
                return True, []
        return False, []

    def interrupted(self, pid: int) -> None:
        """Take back the fork that was just allowed: it was not made, and may be asked for again."""
        for _, line, permit in self._begun():
            if line.worker == pid and permit is line.permit:
                permit.forks += 1
                permit.began = None
                return
        for _, _, permit in self._begun():
            if permit.new_line is not None and not permit.forks:
                permit.forks += 1
                return

    def frozen(self, line_id: int, number: int, pid: int) -> tuple[bool, list[Action]]:
        """Note that a process sleeps as a copy; False if it is none that was asked for."""
        permit = self._expected(line_id, number, pid)
        if permit is None or permit.new_line is not None:
            return False, []
        line = self.lines[line_id]
        line.drop(permit)
        line.copies[number] = pid
        if line.ending:
            return True, [*self._end_copies(line_id, [number]), *self._over(line_id)]
        superfluous = [each for each in permit.superfluous if each not in {number, line.waking}]
        return True, [*self._end_copies(line_id, superfluous), Tell(line_id, protocol.Frozen(number))]

    def was_split(self, line_id: int, pid: int) -> tuple[bool, list[Action]]:
        """Note that a process is the first worker of a new line; False if it is none that was asked for."""
        permit = self._expected(line_id, 0, pid)
        if permit is None or permit.new_line is None or permit.forks:
            return False, []
        self.lines[line_id].drop(permit)
        new_line = self.lines[permit.new_line]
        new_line.worker = pid
        over = self._over(line_id)
        if new_line.ending:
            return True, [Kill(pid), *over]
        return True, [
            Rouse(pid, permit.new_line),
            Tell(permit.new_line, protocol.Started(permit.new_line)),
            *over,
        ]

    def failed(self, line_id: int, number: int, pid: int, reason: str) -> list[Action]:
        """Note that a worker, or the process it made, says that no copy will come."""
        line = self.lines.get(line_id)
        for permit in line.permits() if line is not None else []:
            if (
                line is not None
                and permit.number == number
                and (line.worker == pid or pid not in self.known())
            ):
                line.drop(permit)
                return [*self._refuse(line_id, permit, reason), *self._over(line_id)]
        return []

    def died(self, pid: int, status: int, cpu_s: float) -> list[Action]:
        """Note the end of a process."""
        condemned_in = self._condemned.pop(pid, None)
        if condemned_in is not None:
            return self._over(condemned_in)
        for line_id, line in list(self.lines.items()):
            for number in [number for number, copy in line.copies.items() if copy == pid]:
                del line.copies[number]
                if line.waking == number:
                    line.waking = None
                return [Tell(line_id, protocol.Missing(number))]
            if line.worker == pid:
                return self._worker_died(line_id, protocol.Ended(status, cpu_s))
        return []

    def _worker_died(self, line_id: int, news: protocol.Ended) -> list[Action]:
        line = self.lines[line_id]
        line.worker = None
        actions: list[Action] = [Tell(line_id, news)]
        permit, line.permit = line.permit, None
        if permit is not None and permit.began is None:
            actions += self._refuse(line_id, permit, _ENDED)
        elif permit is not None:
            line.orphans.append(permit)
        if line.waking is not None:
            actions += self._rouse(line_id)
        return [*actions, *self._over(line_id)]

    # -- processes that do not say what they are

    @property
    def awaits_any(self) -> bool:
        """Whether a process was made that has not said what it is."""
        return any(True for _ in self._begun())

    def strays_due(self, now: float, allowed_s: float) -> bool:
        """Whether processes that nobody knows are to be killed.

        That is so if one was made that has been silent for too long, or a line waits for its end alone; but
        not while another one may be about to say what it is.
        """
        awaited, silent = self._silent(now, allowed_s)
        return bool(silent) and not awaited

    def purged(self, now: float, allowed_s: float) -> list[Action]:
        """Note that processes that nobody knows have been killed."""
        actions: list[Action] = []
        for line_id, line, permit in self._silent(now, allowed_s)[1]:
            line.drop(permit)
            actions += [*self._refuse(line_id, permit, _SILENT), *self._over(line_id)]
        return actions

    def _silent(
        self, now: float, allowed_s: float
    ) -> tuple[list[tuple[int, Line, Permit]], list[tuple[int, Line, Permit]]]:
        """Return the forks whose new process may still come, and those that are given up."""
        awaited: list[tuple[int, Line, Permit]] = []
        silent: list[tuple[int, Line, Permit]] = []
        for line_id, line, permit in self._begun():
            given_up = (line.ending and line.worker is None) or now - (permit.began or now) > allowed_s
            (silent if given_up else awaited).append((line_id, line, permit))
        return awaited, silent

    # -- inside

    def _begun(self) -> Iterator[tuple[int, Line, Permit]]:
        """Yield what was allowed and has begun."""
        for line_id, line in list(self.lines.items()):
            for permit in line.permits():
                if permit.began is not None:
                    yield line_id, line, permit

    def _expected(self, line_id: int, number: int, pid: int) -> Permit | None:
        """Return the permit that a new process is from; None if there is none."""
        if pid in self.known():
            return None
        found = [each for each in self._begun() if each[0] == line_id and each[2].number == number]
        return found[0][2] if found else None

    def _end_copies(self, line_id: int, numbers: list[int]) -> list[Action]:
        copies = self.lines[line_id].copies
        ended = [copies.pop(number) for number in numbers if number in copies]
        self._condemned.update(dict.fromkeys(ended, line_id))
        return [Kill(pid) for pid in ended]

    def _rouse(self, line_id: int) -> list[Action]:
        line = self.lines[line_id]
        number, line.waking = line.waking, None
        pid = line.copies.pop(number or 0)
        line.worker = pid
        return [Rouse(pid, line_id), Tell(line_id, protocol.Started(line_id))]

    def _refuse(self, line_id: int, permit: Permit, reason: str) -> list[Action]:
        """Tell whoever waits for what a permit was for; give up the line that it would have made."""
        if permit.new_line is None:
            return [Tell(line_id, protocol.NotFrozen(permit.number, reason))]
        del self.lines[permit.new_line]
        return [Tell(permit.new_line, protocol.NotFrozen(0, reason)), Close(permit.new_line)]

    def _over(self, line_id: int) -> list[Action]:
        """Give a line up once nothing of it is left."""
        line = self.lines.get(line_id)
        if line is None or not line.ending or line.worker is not None or line.copies or line.permits():
            return []
        if line_id in self._condemned.values():
            return []
        if any(permit.new_line == line_id for _, _, permit in self._begun()):
            return []  # its first worker may still come
        del self.lines[line_id]
        return [Tell(line_id, protocol.Over()), Close(line_id)]

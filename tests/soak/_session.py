"""A client's session counts its calls: one that is lost, or done twice, or undone by half, is seen."""

from __future__ import annotations

from dspex_actors import Completed, Limits
from tests.soak._hostile import EVERYWHERE, HASTY, PATIENT

CEILING_S = 120.0
IN_SESSION = Limits(time_s=60.0, memory_bytes=64 * 2**20, output_bytes=10_000)


class SessionClient:
    """See the module.

    Args:
        runtime: where sessions are opened.
        ledger: where calls are accounted for.
        dice: of the client.
    """

    def __init__(self, runtime, ledger, dice):
        self.runtime, self.ledger, self.random = runtime, ledger, dice
        self._session = None
        self._count = 0
        self._verbs = {getattr(self, verb): weight for verb, weight in VERBS.items()}

    def step(self):
        """Do one thing in the session; open one if there is none."""
        if self._session is None:
            self._session, self._count = self.runtime.session(limits=IN_SESSION), 0
            self._call(self._session, "session: open", "n = m = 0", None)
        (verb,) = self.random.choices(list(self._verbs), self._verbs.values())
        verb()

    def close(self):
        if self._session is not None:
            self._session.close()
            self._session = None

    def _call(self, session, verb, code, value):
        """Make an honest call, whose value is to be this."""
        token = self.ledger.issue(verb)
        result = session.execute(f"{code}\n({token!r}, {value})", tag=token, limits=PATIENT)
        self.ledger.returned(token, result)
        if not isinstance(result, Completed) or result.value[0] != token:
            self.ledger.fault(f"{token}: the result is {result}")
            return None
        return result.value[1]

    def _check(self, session, verb, count):
        """See that the state is the one that the acknowledged calls have made, whole."""
        found = self._call(session, verb, "", "(n, m)")
        if found != (count, count):
            self.ledger.fault(f"{verb}: the session has counted {found}, its client {count}")

    def count(self):
        self._count += 1
        token = self.ledger.issue("session: count")
        result = self._session.execute(f"n += 1\nm = n\n({token!r}, n)", tag=token, limits=PATIENT)
        self.ledger.returned(token, result)
        if not isinstance(result, Completed) or result.value != (token, self._count):
            self.ledger.fault(f"{token}: {self._count} expected, not {result}")

    def attack(self):
        """Be killed, one way or another; the state is to be that of before."""
        name = self.random.choice(list(EVERYWHERE))
        attack = EVERYWHERE[name]
        token = self.ledger.issue(f"session: {name}")
        code = f"print({token!r})\nn = -1\n{attack.code}"
        result = self._session.execute(code, tag=token, limits=HASTY)
        self.ledger.returned(token, result)
        if not isinstance(result, attack.kinds):
            self.ledger.fault(f"{token}: ended as {result}")
        if not (token.startswith(result.stdout) or result.stdout.startswith(token)):
            self.ledger.fault(f"{token}: printed {result.stdout[:100]!r}")
        if result.session.fate == "kept":  # it ended by itself, and has done what it has done
            self.close()
        elif (result.session.fate, result.session.undone) != ("rolled_back", 0):
            self.ledger.fault(f"{token}: the session was {result.session}")
            self.close()
        else:
            self._check(self._session, "session: after a kill", self._count)

    def cancel(self):
        token = self.ledger.issue("session: cancel")
        future = self._session.submit("n = -1\nwhile True: pass", tag=token, limits=PATIENT)
        if future.cancel():
            self.ledger.withdraw(token)
        else:
            self.ledger.fault(f"{token}: ended as {future.result(CEILING_S)}")
        self._check(self._session, "session: after a cancel", self._count)

    def roll_back(self):
        if self._call(self._session, "session: to be undone", "n += 1", "n") is not None:
            self._session.rollback()
        self._check(self._session, "session: after a rollback", self._count)

    def branch(self):
        with self._session.fork() as branch:
            self._call(branch, "session: in a branch", "n = m = n + 1000", "n")
            self._check(branch, "session: a branch", self._count + 1000)
            self._check(self._session, "session: beside a branch", self._count)

    def reset(self):
        self._session.reset()
        self._count = 0
        self._call(self._session, "session: reset", "n = m = 0", None)


VERBS = {"count": 30, "attack": 8, "cancel": 3, "roll_back": 3, "branch": 3, "reset": 1, "close": 2}
"""What a client does in its session, and how often."""

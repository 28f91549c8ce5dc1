"""One client of the soak: honest requests, whose results must be right, and hostile ones.

Each request has a token of its own. An honest guest gives it back as part of its value; a hostile one prints
it before it does its worst. So a result that belongs to another request is seen.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time

from dspex_actors import Completed, Policy
from tests.soak._hostile import FRESH, HASTY, PATIENT, SHELL, STRICT
from tests.soak._session import SessionClient

CEILING_S = 120.0
QUEUE_S = 120.0
POLICIES = {"strict": Policy(profile="strict"), "shell": Policy(profile="shell")}


class Client:
    """Makes requests until a deadline, by dice of its own.

    Args:
        runtime: whose client it is.
        ledger: where it accounts for its requests.
        seed: of its dice.
    """

    def __init__(self, runtime, ledger, seed):
        self.runtime, self.ledger = runtime, ledger
        self.random = random.Random(seed)  # noqa: S311 -- no secret: a seed should give the same requests again
        self.session = SessionClient(runtime, ledger, self.random)
        self.failure = None

    def run(self, deadline):
        """Work until the deadline; then nothing of this client is under way."""
        verbs = [getattr(self, verb) for verb in VERBS]
        try:
            while time.monotonic() < deadline:
                (verb,) = self.random.choices(verbs, VERBS.values())
                verb()
            self.session.close()
        except BaseException as error:  # noqa: BLE001 -- the soak raises it
            self.failure = error

    # -- honest

    def expect(self, token, result, value):
        """Account for the result of an honest request."""
        self.ledger.returned(token, result)
        if not isinstance(result, Completed) or result.value != value:
            self.ledger.fault(f"{token}: {value!r} expected, not {result}")

    def options(self, token, **options):
        return {"tag": token, "limits": PATIENT, "queue_wait_s": QUEUE_S} | options

    def compute(self):
        token, number = self.ledger.issue("compute"), self.random.randrange(10**6)
        variables = {"token": token, "n": number}
        result = self.runtime.execute("(token, n * n)", variables=variables, **self.options(token))
        self.expect(token, result, (token, number * number))

    def talk(self):
        token, heard = self.ledger.issue("talk"), []
        code = f"for n in range(100): print({token!r}, n)\n{token!r}"
        options = self.options(token, on_output=lambda _, text: heard.append(text))
        result = self.runtime.execute(code, **options)
        self.expect(token, result, token)
        said = "".join(f"{token} {n}\n" for n in range(100))
        if result.stdout != said or "".join(heard) != said:
            self.ledger.fault(f"{token}: printed something else: {result.stdout[:100]!r}")

    def send_much(self):
        token, block = self.ledger.issue("send_much"), self.random.randbytes(2**20)
        variables = {"token": token, "block": block}
        result = self.runtime.execute("(token, block[::-1])", variables=variables, **self.options(token))
        self.ledger.returned(token, result)
        if not isinstance(result, Completed) or result.value != (token, block[::-1]):
            self.ledger.fault(f"{token}: other bytes came back, in a {type(result).__name__}")

    def use_tools(self):
        token, seen = self.ledger.issue("use_tools"), []

        def tool(name, number):
            seen.append((name, number))
            if number == 3:
                raise ValueError(name)
            return name, number + 1

        code = (
            f"got = []\nfor n in range(5):\n  try: got.append(tool({token!r}, n)[1])\n"
            "  except ToolError as error: got.append(str(error))\n"
            f"({token!r}, got[:3] + got[4:], {token!r} in got[3])"
        )
        result = self.runtime.execute(code, tools={"tool": tool}, **self.options(token))
        self.expect(token, result, (token, [1, 2, 3, 5], True))
        if seen != [(token, number) for number in range(5)]:
            self.ledger.fault(f"{token}: the tool was called with {seen}")

    def submit_four(self):
        tokens = [self.ledger.issue("submit_four") for _ in range(4)]
        futures = [self.runtime.submit(f"{token!r}", **self.options(token)) for token in tokens]
        for token, future in zip(tokens, futures, strict=True):
            self.expect(token, future.result(CEILING_S), token)

    def send_away(self):
        """Ask for something that nobody waits for; the event alone tells its end."""
        token = self.ledger.issue("send_away", awaits_result=False)
        self.runtime.execute_async(f"print({token!r})", **self.options(token))

    def strict(self):
        token = self.ledger.issue("strict")
        policy = POLICIES["strict"]
        result = self.runtime.execute(f"sorted([{token!r}])[0]", policy=policy, **self.options(token))
        self.expect(token, result, token)

    # -- withdrawn

    def cancel(self):
        token, begun = self.ledger.issue("cancel"), threading.Event()
        code = f"print({token!r}, flush=True)\nwhile True: pass"
        options = self.options(token, on_output=lambda *_: begun.set())
        future = self.runtime.submit(code, **options)
        future.add_done_callback(lambda _: begun.set())
        if self.random.random() < 0.5:
            begun.wait(CEILING_S)
        if future.cancel():
            self.ledger.withdraw(token)
        else:
            self.check_hostile(token, future.result(CEILING_S), FRESH["loop"].kinds)

    def await_some(self):
        asyncio.run(self._await_some())

    async def _await_some(self):
        kept, dropped = self.ledger.issue("await_some"), self.ledger.issue("await_and_drop")
        call = self.runtime.aexecute("while True: pass", **self.options(dropped))
        task = asyncio.create_task(call)
        result = await self.runtime.aexecute(f"{kept!r}", **self.options(kept))
        self.expect(kept, result, kept)
        task.cancel()
        try:
            self.check_hostile(dropped, await task, FRESH["loop"].kinds)
        except asyncio.CancelledError:
            self.ledger.withdraw(dropped)

    # -- hostile

    def attack(self):
        self._attack("attack", FRESH, None)

    def shell(self):
        self._attack("shell", SHELL, POLICIES["shell"])

    def attack_strict(self):
        self._attack("attack_strict", STRICT, POLICIES["strict"])

    def _attack(self, verb, attacks, policy):
        name = self.random.choice(list(attacks))
        token = self.ledger.issue(f"{verb}: {name}")
        code = f"print({token!r})\n{attacks[name].code}"
        result = self.runtime.execute(code, policy=policy, **self.options(token, limits=HASTY))
        self.check_hostile(token, result, attacks[name].kinds)

    def check_hostile(self, token, result, kinds):
        """Account for the result of a hostile request: of its own making, and of a kind that it may have."""
        self.ledger.returned(token, result)
        if not isinstance(result, kinds):
            self.ledger.fault(f"{token}: ended as {result}")
        if not (token.startswith(result.stdout) or result.stdout.startswith(token)):
            self.ledger.fault(f"{token}: printed {result.stdout[:100]!r}")

    # -- sessions

    def talk_in_session(self):
        self.session.step()


VERBS = {
    "compute": 20,
    "talk": 6,
    "send_much": 3,
    "use_tools": 8,
    "submit_four": 4,
    "send_away": 6,
    "strict": 4,
    "cancel": 5,
    "await_some": 3,
    "attack": 24,
    "attack_strict": 3,
    "shell": 6,
    "talk_in_session": 40,
}
"""What a client does, and how often."""

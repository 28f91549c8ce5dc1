"""The soak of a runtime: rounds of load by several clients, with a rest after each.

At a rest all results have come, all sessions are closed and the executors have what they need and no more; so
what the host and its processes take then can be compared from rest to rest.
"""

from __future__ import annotations

import gc
import threading
import time
from collections import Counter

from dspex_actors import Completed
from dspex_actors.executors import GetStats
from tests.integration._tools import generations, runtime_of
from tests.soak._client import POLICIES, Client
from tests.soak._hostile import PATIENT
from tests.soak._ledger import Ledger
from tests.soak._sampling import family, sample

CLIENTS = 8
CEILING_S = 90.0  # seconds a round may last after its deadline, and a rest may take to come
LEAST_ROUND_S, MOST_ROUND_S, ROUNDS = 0.5, 10.0, 20  # enough rests to lay a line through
CALM_LOOKS = 3  # in a row that must show the same processes
FAILURES = ("supervisor.child_restarted", "supervisor.restarts_exceeded", "actor.abandoned")


class Soak:
    """One runtime, its clients, and what was sampled.

    Args:
        seed: of all dice.

    Attributes:
        samples: one dict each, see `COLUMNS`; with `time_s`, `at_rest` and `results`, the number so far.
        failures: events that tell of a failure of ours, counted by name.
    """

    def __init__(self, seed):
        self.ledger = Ledger()
        self._strangers = frozenset(pid for generation in family()[:1] for pid in generation)
        self.samples = []
        self.failures = Counter()
        self.runtime = runtime_of(limits=PATIENT, max_workers=CLIENTS, max_sessions=4 * CLIENTS)
        self.runtime.telemetry.attach("*", self._note)
        self._warm_up()
        self.clients = [Client(self.runtime, self.ledger, f"{seed}.{number}") for number in range(CLIENTS)]
        self._begun = time.monotonic()

    def _warm_up(self):
        """Have as much under way at the same time as ever will be: what is kept for later is made now."""
        sessions = [self.runtime.session() for _ in range(2 * CLIENTS)]
        for policy in (None, *POLICIES.values()):
            code = "open('f', 'w').close()" if policy is not POLICIES["strict"] else "1"
            tokens = [self.ledger.issue("warm-up", awaits_result=False) for _ in range(4 * CLIENTS)]
            futures = [
                self.runtime.submit(code, policy=policy, tag=token, queue_wait_s=CEILING_S)
                for token in tokens
            ]
            assert all(isinstance(future.result(CEILING_S), Completed) for future in futures)
        for session in sessions:
            session.close()

    def _note(self, event, _measurements, facts):
        if event == "execution.finished":
            self.ledger.told(facts["tag"], facts["result"])
        elif event in FAILURES:
            self.failures[event] += 1

    def run(self, seconds, least_rests=1):
        """Alternate load and rest until the seconds are over, and there were so many rests."""
        end = time.monotonic() + seconds
        while time.monotonic() < end or len(self.rests()) < least_rests:
            self._load(min(MOST_ROUND_S, max(LEAST_ROUND_S, seconds / ROUNDS)))
            self._rest()

    def _load(self, seconds):
        deadline = time.monotonic() + seconds
        threads = [threading.Thread(target=client.run, args=(deadline,)) for client in self.clients]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            self._sample(at_rest=False)
            for thread in threads:
                thread.join(seconds / 4 / len(threads))
            assert time.monotonic() < deadline + CEILING_S, [thread.name for thread in threads]
        for client in self.clients:
            if client.failure is not None:
                raise client.failure

    def _rest(self):
        """Wait until nothing is under way; what is missing then is lost."""
        self._until(lambda: not self.ledger.unsettled())
        if not self._until(self._is_idle):
            self.ledger.fault(f"no rest: {sample(self._strangers)}")
        self.ledger.rest()
        gc.collect()
        self._sample(at_rest=True)

    def _is_idle(self):
        """Whether each executor has its spares and no work, and no process is on its way out."""
        for executor in self.runtime._executors.all():
            stats = executor.call(GetStats())
            if stats.busy or stats.starting or stats.queued or stats.ready < 2:
                return False
        looks = []
        for _ in range(CALM_LOOKS):
            now = sample(self._strangers)
            looks.append((now["processes"], now["zombies"], now["files"]))
            threading.Event().wait(0.02)
        return set(looks) == {(looks[0][0], 0, 0)}

    def _until(self, condition):
        deadline, pause = time.monotonic() + CEILING_S, threading.Event()
        while not (found := condition()) and time.monotonic() < deadline:
            pause.wait(0.02)
        return found

    def _sample(self, *, at_rest):
        results = sum(count for (verb, _), count in self.ledger.counted.items() if verb != "faults")
        facts = {"time_s": time.monotonic() - self._begun, "at_rest": int(at_rest), "results": results}
        self.samples.append(facts | sample(self._strangers))

    def rests(self):
        """Return the samples that were taken at rest."""
        return [each for each in self.samples if each["at_rest"]]

    def stop(self):
        """End the runtime; return whether nothing was left behind."""
        restarted = {name for name, number in generations(self.runtime).items() if number != 1}
        if restarted:
            self.ledger.fault(f"started anew: {restarted}")
        return self.runtime.stop().clean

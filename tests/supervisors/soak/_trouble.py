"""Threads that make trouble in a tree, each by dice of its own."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from dataclasses import dataclass, field

from supervisors import (
    NORMAL,
    ActorExitedError,
    Address,
    ChildStateError,
    Pid,
    Stop,
    SupervisorAddress,
)
from tests.supervisors.soak._tree import GROUPS, LEAVES, PROCESSES, STRATEGIES, WORKERS, Worker, World

CEILING_S = 30.0
MOST_STUCK = 4  # by one thread; they stay to the end
MOST_DYNAMIC = 20  # by one thread


@dataclass
class Troublemaker:
    """Makes trouble until a deadline; keeps what it started in its own crowd."""

    root: Address
    world: World
    seed: str
    crowd: SupervisorAddress
    mine: dict[Address, tuple[str, str]] = field(default_factory=dict)  # name and restart by address
    started: int = 0
    stuck: int = 0
    failure: BaseException | None = None

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)  # noqa: S311 -- no secret: a seed should make the same trouble again
        self.thread = threading.Thread(target=self.run, name=f"trouble {self.seed}")

    def run(self) -> None:
        verbs = [getattr(self, verb) for verb in VERBS]
        try:
            while time.monotonic() < self.deadline:
                (verb,) = self.rng.choices(verbs, VERBS.values())
                try:
                    verb()
                    self.world.count(verb.__name__)
                except ActorExitedError:
                    self.world.count("met somebody dead")
        except BaseException as error:  # noqa: BLE001 -- the test raises it
            self.failure = error

    # -- whom

    def some_group(self) -> tuple[str, ...]:
        at = f"{self.rng.choice(STRATEGIES)}-{self.rng.randrange(GROUPS)}"
        return (at, "branch") if self.rng.random() < 0.3 else (at,)

    def some_worker(self) -> tuple[SupervisorAddress, int, Address]:
        path = self.some_group()
        serial = self.rng.randrange(LEAVES if len(path) == 2 else WORKERS)
        return SupervisorAddress(self.root.root, path), serial, Address(self.root.root, (*path, serial))

    def some_pid(self) -> Pid | None:
        return self.some_worker()[2].pid

    # -- what

    def call(self) -> None:
        supervisor, serial, worker = self.some_worker()
        expected = "/".join([*map(str, supervisor.path), str(serial)])
        answer = worker.call("who", timeout=CEILING_S)
        assert answer == expected, f"{worker.name} answered as {answer}"

    def crash(self) -> None:
        self.some_worker()[2].cast(RuntimeError("trouble"))

    def end(self) -> None:
        address = self.some_worker()[2]
        if address.path[-1] != 1:  # the transient ones would stay away
            address.cast(Stop(NORMAL))

    def kill(self) -> None:
        pid = self.some_pid()
        if pid is not None:
            pid.kill()

    def kill_a_supervisor(self) -> None:
        pid = Address(self.root.root, self.some_group()).pid
        if pid is not None:
            pid.kill()

    def kill_a_process(self) -> None:
        address = Address(self.root.root, ("processes", self.rng.randrange(PROCESSES)))
        pid = address.pid
        if pid is not None:
            try:
                os.kill(pid.call("process", timeout=CEILING_S), signal.SIGKILL)
            except ProcessLookupError:  # its supervisor was killed meanwhile
                self.world.count("process had ended already")
            pid.wait_exit(CEILING_S)

    def stop_and_start_again(self) -> None:
        supervisor, serial, _ = self.some_worker()
        supervisor.terminate_child(serial)
        try:
            supervisor.restart_child(serial)
        except ChildStateError:  # a sibling's crash has brought it back
            self.world.count("was back already")

    def stick(self) -> None:
        pid = self.some_pid()
        if pid is None or self.stuck == MOST_STUCK:
            return
        entered = threading.Event()
        future = pid.call_async(("stick", entered))
        future.add_done_callback(lambda _: entered.set())  # it has ended before it could get stuck
        pid.call_async("never handled")
        assert entered.wait(CEILING_S), f"{pid} takes no message"
        if not future.done:
            self.stuck += 1
        if self.rng.random() < 0.5:
            pid.kill()
        else:
            pid.request_stop(NORMAL)  # does not help: it never looks at it again
            pid.kill()

    def start_one(self) -> None:
        if len(self.mine) < MOST_DYNAMIC:
            self.started += 1
            name, restart = (
                f"{self.seed}/{self.started}",
                self.rng.choice(("permanent", "transient", "temporary")),
            )
            spec = Worker.child_spec(
                self.world, name, restart=restart, slow=self.rng.random() < 0.2, shutdown_s=0.2
            )
            self.mine[self.crowd.start_child(spec)] = (name, restart)

    def end_one(self) -> None:
        """End a dynamic child one way or another, and forget it if it is not started again."""
        if not self.mine:
            return
        address = self.rng.choice(list(self.mine))
        _, restart = self.mine[address]
        how = self.rng.choice(("crash", "end", "kill", "terminate"))
        if how == "terminate":
            self.crowd.terminate_child(address)
            del self.mine[address]
            return
        pid = address.pid
        if pid is None:
            return
        if how == "kill":
            pid.kill()
        else:
            pid.cast(RuntimeError("trouble") if how == "crash" else Stop(NORMAL))
            assert pid.wait_exit(CEILING_S) is not None, f"{pid} did not end"
        if restart == "temporary" or (restart == "transient" and how == "end"):
            del self.mine[address]


VERBS = {
    "call": 30,
    "crash": 20,
    "end": 8,
    "kill": 8,
    "kill_a_supervisor": 1,
    "kill_a_process": 1,
    "stop_and_start_again": 8,
    "stick": 1,
    "start_one": 15,
    "end_one": 12,
}
"""What a troublemaker does, and how often."""

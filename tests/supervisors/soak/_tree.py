"""The tree that the soak lives in: every strategy, two levels, slow inits, processes, dynamic children."""

# ruff: noqa: ARG002 -- the signature of a hook is given, whatever an actor uses of it

from __future__ import annotations

import threading
import weakref
from collections import Counter

from supervisors import Command, DynamicSupervisor, GenServer, OsProcess, Supervisor

STRATEGIES = ("one_for_one", "one_for_all", "rest_for_one")
GROUPS = 4  # of each strategy
WORKERS = 11  # in a group, beside its branch
LEAVES = 4  # in a branch
PROCESSES = 5
CROWDS = 3  # dynamic supervisors, one for each thread that makes trouble
PLENTY = 10**9  # restarts that are never reached
SLOW_INIT_S = 0.02


class World:
    """What all actors of one soak share: who is there under which name, and the exit of the stuck ones."""

    def __init__(self):
        self.lock = threading.Lock()
        self.names = set()
        self.actors = weakref.WeakSet()
        self.counted = Counter()
        self.release = threading.Event()
        self.stuck = []  # pids whose threads wait for `release`

    def claim(self, name, actor):
        with self.lock:
            if name in self.names:
                self.counted["names taken twice"] += 1
                raise ValueError(f"{name} is there already")
            self.names.add(name)
            self.actors.add(actor)
        actor.pid.on_release(lambda: self.free(name))

    def free(self, name):
        with self.lock:
            self.names.discard(name)

    def count(self, what):
        with self.lock:
            self.counted[what] += 1


class Worker(GenServer):
    """Echoes its name; crashes, ends or gets stuck when it is told to."""

    def init(self, world, name, *, slow=False):
        if slow:
            threading.Event().wait(SLOW_INIT_S)
        self.world, self.name = world, name
        world.claim(name, self)

    def handle_call(self, message, sender):
        match message:
            case ("stick", entered):
                with self.world.lock:
                    self.world.stuck.append(self.pid)
                entered.set()
                self.world.release.wait()
        return self.name

    def handle_cast(self, message):
        if isinstance(message, Exception):
            raise message
        return message


class Process(OsProcess):
    """Owns a process that does nothing for a long time."""

    def init(self, world, name):
        world.claim(name, self)
        return super().init()

    def command(self):
        return Command(argv=("sleep", "86400"))

    def handle_call(self, message, sender):
        return self.process.pid


def workers(world, at, number):
    return [
        Worker.child_spec(
            world,
            f"{at}/{serial}",
            id=serial,
            slow=serial == 3,
            shutdown_s=0.2,
            restart="transient" if serial == 1 else "permanent",
        )
        for serial in range(number)
    ]


def group(world, strategy, serial):
    """Describe a supervisor of workers with a branch below it that gives up easily."""
    at = f"{strategy}-{serial}"
    branch = Supervisor.child_spec(
        workers(world, f"{at}/branch", LEAVES),
        id="branch",
        strategy=STRATEGIES[serial % 3],
        intensity=1,
        period=1,
    )
    children = [*workers(world, at, WORKERS), branch]
    return Supervisor.child_spec(children, id=at, strategy=strategy, intensity=20, period=1)


def start(world, system):
    """Start the tree; return its address."""
    groups = [group(world, strategy, serial) for strategy in STRATEGIES for serial in range(GROUPS)]
    processes = Supervisor.child_spec(
        [Process.child_spec(world, f"process/{serial}", id=serial) for serial in range(PROCESSES)],
        id="processes",
        intensity=PLENTY,
    )
    crowds = [
        DynamicSupervisor.child_spec(id=f"crowd-{serial}", intensity=PLENTY) for serial in range(CROWDS)
    ]
    return Supervisor.start([*groups, processes, *crowds], intensity=PLENTY, name="soak", system=system)


def expected_counts():
    """Return how many children each supervisor has that is not dynamic, by its path."""
    counts = {(): 3 * GROUPS + 1 + CROWDS, ("processes",): PROCESSES}
    for strategy in STRATEGIES:
        for serial in range(GROUPS):
            at = f"{strategy}-{serial}"
            counts[at,] = WORKERS + 1
            counts[at, "branch"] = LEAVES
    return counts


def expected_names():
    """Return the names of all workers and processes that are not dynamic."""
    names = {f"process/{serial}" for serial in range(PROCESSES)}
    for strategy in STRATEGIES:
        for serial in range(GROUPS):
            at = f"{strategy}-{serial}"
            names |= {f"{at}/{worker}" for worker in range(WORKERS)}
            names |= {f"{at}/branch/{leaf}" for leaf in range(LEAVES)}
    return names

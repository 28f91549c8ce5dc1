"""Histories of a supervision tree as plain data, drawn from a seed, and written as Erlang terms.

A history is a tree and what is done to it, one step after the other: children crash, end or are killed, and
children are started, terminated, restarted, deleted, and supervisors get other flags and specs. It says
nothing of what comes of it; two programs that play it each print what they see.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

PERIOD_S = 3600  # no restart ever leaves the window, so that no result depends on time
STRATEGIES = ("one_for_one", "one_for_all", "rest_for_one")
RESTARTS = ("permanent", "transient", "temporary")
AUTO_SHUTDOWNS = ("never", "any_significant", "all_significant")
REASONS = ("boom", "normal", "shutdown", "shutdown:asked")
ODD_STARTS = ("raise", "stop:boom", "stop:shutdown", "stop:normal", "ignore")
CHANGES = ("terminate_child", "restart_child", "delete_child")
VERBS = (*CHANGES, "get_childspec")


@dataclass(frozen=True)
class Child:
    """A child: how each of its starts goes (after the last: well), how it ends, what is below it."""

    id: str
    restart: str = "permanent"
    starts: tuple[str, ...] = ()  # "ok" or one of ODD_STARTS
    ends: str = "well"  # "badly": its terminate raises
    stop: str = "orderly"  # "brutal": it is killed instead of asked
    below: Tree | None = None  # it is a supervisor
    significant: bool = False


@dataclass(frozen=True)
class Tree:
    """A supervisor's flags and its first children."""

    strategy: str
    intensity: int
    children: tuple[Child, ...]
    auto_shutdown: str = "never"


@dataclass(frozen=True)
class Exit:
    """The child ends by itself."""

    id: str
    reason: str


@dataclass(frozen=True)
class Kill:
    """The child is killed."""

    id: str


@dataclass(frozen=True)
class Start:
    """The supervisor is asked to start a child."""

    supervisor: str
    child: Child


@dataclass(frozen=True)
class Admin:
    """The supervisor is asked for one of VERBS."""

    verb: str
    supervisor: str
    id: str


@dataclass(frozen=True)
class Change:
    """The supervisor gets other flags and specs while it runs."""

    supervisor: str
    tree: Tree


@dataclass(frozen=True)
class Meanwhile:
    """The child crashes, its next start hangs, the supervisor is asked to change something, the start fails.

    What only reads is answered at once by our supervisor, and by OTP's after the start; so it is left out.
    """

    id: str
    ask: Start | Admin


@dataclass(frozen=True)
class History:
    """One tree and what is done to it; at the end its parent tells it to stop with `last`."""

    seed: int
    tree: Tree
    steps: tuple[Exit | Kill | Start | Admin | Change | Meanwhile, ...]
    last: str = "shutdown"


@dataclass
class _Draw:
    """Drawing one history."""

    rng: random.Random
    serial: int = 0
    known: dict[str, list[str]] = field(default_factory=dict)  # workers by supervisor
    modes: dict[str, str] = field(default_factory=dict)  # auto_shutdown by supervisor
    supervisors: list[str] = field(default_factory=list)

    def some_starts(self) -> tuple[str, ...]:
        if self.rng.random() < 0.55:
            return ()
        odd = [self.rng.choice(ODD_STARTS[:4]) for _ in range(self.rng.choice((1, 1, 2, 3)))]
        if self.rng.random() < 0.25:
            odd.append("ignore")
        first = ("ok",) if self.rng.random() < 0.93 else ()
        return (*first, *odd)

    def worker(self, supervisor: str, auto_shutdown: str) -> Child:
        self.serial += 1
        restart = self.rng.choices(RESTARTS, (5, 3, 2))[0]
        child = Child(
            f"c{self.serial}",
            restart=restart,
            starts=self.some_starts(),
            ends=self.rng.choices(("well", "badly"), (6, 1))[0],
            stop=self.rng.choices(("orderly", "brutal"), (6, 1))[0],
            significant=auto_shutdown != "never" and restart != "permanent" and self.rng.random() < 0.6,
        )
        self.known.setdefault(supervisor, []).append(child.id)
        return child

    def tree(self, name: str, *, nest: bool, most: int = 6) -> Tree:
        self.supervisors.append(name)
        self.modes[name] = auto_shutdown = self.rng.choices(AUTO_SHUTDOWNS, (3, 1, 2))[0]
        children = []
        for _ in range(self.rng.randint(1, most)):
            if nest and self.rng.random() < 0.15:
                below = f"s{len(self.supervisors)}"
                restart = self.rng.choice(RESTARTS)
                children.append(Child(below, restart, below=self.tree(below, nest=False, most=3)))
            else:
                children.append(self.worker(name, auto_shutdown))
        return self.flags(tuple(children), auto_shutdown)

    def flags(self, children: tuple[Child, ...], auto_shutdown: str) -> Tree:
        intensity = self.rng.choice((0, 1, 2, 3, 4, 6))
        return Tree(self.rng.choice(STRATEGIES), intensity, children, auto_shutdown)

    def change(self, supervisor: str) -> Change:
        """Draw other flags, and specs of children that are or were there, and of new ones, in any order."""
        self.modes[supervisor] = auto_shutdown = self.rng.choice(AUTO_SHUTDOWNS)
        known = list(self.known.get(supervisor, ()))
        children = [self.worker(supervisor, auto_shutdown) for _ in range(self.rng.randint(0, 4))]
        for id_ in self.rng.sample(known, self.rng.randint(0, len(known))):
            children.append(replace(self.worker(supervisor, auto_shutdown), id=id_))
            self.known[supervisor].pop()  # there is no child of the name it was drawn with
        self.rng.shuffle(children)
        return Change(supervisor, self.flags(tuple(children), auto_shutdown))

    def a_child(self) -> tuple[str, str]:
        """Return a supervisor that has had workers, and one of those."""
        supervisor = self.rng.choice([name for name in self.supervisors if self.known.get(name)])
        return supervisor, self.rng.choice(self.known[supervisor])

    def ask(self, supervisor: str, verbs: tuple[str, ...] = VERBS) -> Start | Admin:
        if self.rng.random() < 0.3:
            mode = self.modes[supervisor] if self.rng.random() < 0.9 else "any_significant"  # perhaps refused
            child = self.worker(supervisor, mode)
            if self.rng.random() < 0.3:  # an id that is, or was, there
                child = Child(self.rng.choice(self.known[supervisor]), starts=("ok",))
            return Start(supervisor, child)
        ids = [*self.known.get(supervisor, ()), "nobody"]
        if supervisor == "root":
            ids += self.supervisors[1:]
        return Admin(self.rng.choice(verbs), supervisor, self.rng.choice(ids))

    def step(self) -> Exit | Kill | Start | Admin | Change | Meanwhile:
        dice = self.rng.random()
        if dice > 0.94:
            return self.change(self.rng.choice(self.supervisors))
        if not any(self.known.values()) or dice < 0.4:
            return self.ask(self.rng.choice(self.supervisors))
        supervisor, child = self.a_child()
        if dice < 0.5:
            return Meanwhile(child, self.ask(supervisor, CHANGES))
        return Kill(child) if dice < 0.6 else Exit(child, self.rng.choice((*REASONS, "boom", "boom")))


def draw(seed: int) -> History:
    """Draw the history of a seed."""
    rng = random.Random(seed)  # noqa: S311 -- no secret: a seed must give the same history everywhere
    drawing = _Draw(rng)
    tree = drawing.tree("root", nest=rng.random() < 0.5)
    steps = tuple(drawing.step() for _ in range(rng.randint(6, 16)))
    return History(seed, tree, steps, rng.choice(("shutdown", "shutdown", "normal", "boom")))


# -- as Erlang terms


def term(value: object) -> str:
    """Write a history, or a part of one, as an Erlang term: strings as atoms, records as tuples."""
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case str():
            return f"'{value}'"
        case tuple():
            return f"[{', '.join(map(term, value))}]"
        case Child():
            parts = (value.id, value.restart, value.starts, value.ends, value.stop, value.below)
            parts = (*parts, value.significant)
        case Tree():
            parts = (value.strategy, value.intensity, value.children, value.auto_shutdown)
        case _:
            parts = (type(value).__name__.lower(), *vars(value).values())
    return f"{{{', '.join(map(term, parts))}}}"

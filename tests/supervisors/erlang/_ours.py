"""Plays a history on our Supervisor and says what is seen after each step, in the words of histories.erl."""

from __future__ import annotations

import threading
import time

from supervisors import (
    IGNORE,
    KILLED,
    NORMAL,
    SHUTDOWN,
    ActorExitedError,
    ChildNotFoundError,
    ChildSpecError,
    ChildState,
    ChildStateError,
    ChildType,
    Crash,
    DuplicateChildError,
    GenServer,
    MonitorRef,
    Shutdown,
    StartError,
    Stop,
    Supervisor,
    SupervisorError,
    SupervisorFlags,
    SupervisorInit,
)
from supervisors._reasons import FailedToStart
from supervisors._requests import (
    ChangeSpecsRequest,
    DeleteChildRequest,
    GetChildSpecRequest,
    RestartChildRequest,
    StartChildRequest,
    TerminateChildRequest,
)
from tests.supervisors.erlang._histories import PERIOD_S, Admin, Change, Exit, Kill, Meanwhile, Start

CEILING_S = 10.0  # seconds; only a failing test sees it
BOOM = Crash("RuntimeError", "boom")
REASONS = {"normal": NORMAL, "shutdown": SHUTDOWN, "shutdown:asked": Shutdown("asked"), "boom": BOOM}
REQUESTS = {
    "terminate_child": TerminateChildRequest,
    "restart_child": RestartChildRequest,
    "delete_child": DeleteChildRequest,
    "get_childspec": GetChildSpecRequest,
}


class World:
    """What the actors of one history tell, from their own threads."""

    def __init__(self):
        self.changed = threading.Condition()
        self.count, self.now = {}, {}
        self.alive = {}  # name by pid
        self.log, self.downs, self.ended = [], [], {}
        self.gate = None
        self.at_gate, self.release = threading.Event(), threading.Event()

    def born(self, id_, pid):
        """Note a start; return its number and whether it stands at the gate."""
        with self.changed:
            number = self.count[id_] = self.count.get(id_, 0) + 1
            name = f"{id_}#{number}"
            self.now[id_] = pid
            self.alive[pid] = name
            self.log.append(f"init {name}")
            gated = self.gate == id_
        pid.monitor(MonitorRef(pid), self.down)
        return number, gated

    def down(self, down):
        with self.changed:
            name, reason = self.alive.pop(down.pid), text(down.reason)
            self.downs.append(f"{name} {reason}")
            self.ended[down.pid] = reason
            self.changed.notify_all()

    def note(self, line):
        with self.changed:
            self.log.append(line)

    def running(self, id_):
        pid = self.now.get(id_)
        return pid if pid is not None and pid.alive else None

    def settle(self):
        """Wait for the Down of everything that is dead already."""
        with self.changed:
            if not self.changed.wait_for(lambda: all(pid.alive for pid in self.alive), CEILING_S):
                raise TimeoutError(f"no Down of {[self.alive[p] for p in self.alive if not p.alive]}")

    def sync(self):
        self.settle()
        with self.changed:
            told = self.log, sorted(self.downs)
            self.log, self.downs = [], []
        return told

    def pass_gate(self):
        """Stand at the gate until the player lets go."""
        self.gate = None
        self.at_gate.set()
        if not self.release.wait(CEILING_S):
            raise TimeoutError("nobody opened the gate")


class Node(GenServer):
    """A child of a history."""

    def init(self, world, child):
        number, gated = world.born(child.id, self.pid)
        self.world, self.child, self.name = world, child, f"{child.id}#{number}"
        if gated:
            world.pass_gate()
            return Stop(BOOM)
        return outcome(child.starts[number - 1]) if number <= len(child.starts) else None

    def handle_cast(self, reason):
        if reason == BOOM:
            raise RuntimeError(BOOM.message)
        return Stop(reason)

    def terminate(self, reason):
        self.world.note(f"terminate {self.name} {text(reason)}")
        if self.child.ends == "badly":
            raise RuntimeError("late")


class Branch(Supervisor):
    """A supervisor of a history."""

    def init(self, world, id_, tree):
        world.born(id_, self.pid)
        return SupervisorInit(flags(tree), specs(world, tree))


def flags(tree):
    return SupervisorFlags(
        strategy=tree.strategy,
        intensity=tree.intensity,
        period=PERIOD_S,
        auto_shutdown=tree.auto_shutdown,
        max_abandoned=None,
    )


def specs(world, tree):
    return tuple(spec(world, child) for child in tree.children)


def outcome(start):
    match start:
        case "ignore":
            return IGNORE
        case "raise":
            raise RuntimeError(BOOM.message)
        case "ok":
            return None
    return Stop(REASONS[start.removeprefix("stop:")])


def spec(world, child):
    if child.below is not None:
        return Branch.child_spec(world, child.id, child.below, id=child.id, restart=child.restart)
    limit = 0 if child.stop == "brutal" else 5.0
    return Node.child_spec(
        world,
        child,
        id=child.id,
        restart=child.restart,
        shutdown_s=limit,
        significant=child.significant,
    )


# -- playing


def play(history):
    """Play a history.

    Returns:
        Lines: each step with its result, and below it the children, what they did, and how they ended.
    """
    return Player(history).play()


class Player:
    """One run of one history."""

    def __init__(self, history):
        self.history = history
        self.world = World()
        self.root = None
        self.lines = []

    def play(self):
        try:
            self.root = Branch.start(self.world, "root", self.history.tree, name="root")
        except StartError as error:
            self.tell("start", f"failed: {error.child_id} {text(error.reason)}")
            return self.lines
        self.root_pid = self.root.pid
        try:
            self.tell("start", "ok")
            for step in self.history.steps:
                self.tell(name(step), self.do(step))
                if not self.root_pid.alive:
                    return self.lines
            self.root.stop(REASONS[self.history.last], timeout=CEILING_S)
            self.tell(f"stop {self.history.last}", "ok")
        finally:
            self.world.release.set()
            self.root.stop()
        return self.lines

    def do(self, step):
        match step:
            case Exit(id_, reason):
                return self.end(id_, lambda pid: pid.cast(REASONS[reason]))
            case Kill(id_):
                return self.end(id_, lambda pid: pid.kill())
            case Meanwhile(id_, ask):
                return self.meanwhile(id_, ask)
        return answer(step, self.send(step))

    def end(self, id_, how):
        pid = self.world.running(id_)
        if pid is None:
            return "not running"
        how(pid)
        if pid.wait_exit(CEILING_S) is None:
            raise TimeoutError(f"{id_} did not end")
        return "ok"

    def meanwhile(self, id_, ask):
        world = self.world
        world.at_gate.clear()
        world.release.clear()
        world.gate = id_
        try:
            if self.end(id_, lambda pid: pid.cast(BOOM)) == "not running":
                return "not running"
            self.look_until(lambda seen: world.at_gate.is_set() or seen != "busy")
            if not world.at_gate.is_set():
                return "never got there"
            sent = self.send(ask)
        finally:
            world.gate = None
            world.release.set()
        return answer(ask, sent)

    def send(self, ask):
        supervisor = self.world.running(ask.supervisor)
        if supervisor is None:
            return None
        if isinstance(ask, Change):
            return supervisor.call_async(ChangeSpecsRequest(specs(self.world, ask.tree), flags(ask.tree)))
        if isinstance(ask, Start):
            return supervisor.call_async(StartChildRequest(spec(self.world, ask.child)))
        return supervisor.call_async(REQUESTS[ask.verb](ask.id))

    # -- what can be seen

    def tell(self, step, result):
        children = self.quiet()
        log, downs = self.world.sync()
        self.lines += [
            f"{step} -> {result}",
            f"  children: {children}",
            f"  did: {', '.join(log)}",
            f"  down: {', '.join(downs)}",
        ]

    def quiet(self):
        if self.root is None:
            return "none"
        seen = self.look_until(lambda seen: seen != "busy")
        if seen == "gone":
            self.world.settle()
            return f"root ended {self.world.ended[self.root_pid]}"
        return "; ".join(seen)

    def look_until(self, condition):
        deadline = time.monotonic() + CEILING_S
        while not condition(seen := look(self.root, "root")):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the tree is still {seen}")
        return seen


def answer(ask, sent):
    if sent is None:
        return "no supervisor"
    starts = isinstance(ask, Start) or (isinstance(ask, Admin) and ask.verb == "restart_child")
    try:
        return "ignored" if sent.get(timeout=CEILING_S) is None and starts else "ok"
    except SupervisorError as error:
        return refusal(error)


def refusal(error):
    match error:
        case ChildNotFoundError():
            return "not_found"
        case DuplicateChildError():
            return "already_started" if error.state == "running" else "already_present"
        case ChildStateError():
            return error.state
        case ChildSpecError():
            return "bad_combination"
        case StartError():
            return f"failed: {text(error.reason)}"
        case ActorExitedError():
            return f"it ended: {text(error.reason)}"
    raise error


def look(address, name):
    """Say which children there are; "busy" while anything is under way, "gone" if nobody answers."""
    try:
        children, counts = address.which_children(), address.count_children()
    except ActorExitedError:
        return "gone"
    shown = "".join(f" {child.id}{'' if child.pid else '=undefined'}" for child in children)
    lines = [f"{name}:{shown} ({counts.specs} {counts.active} {counts.supervisors} {counts.workers})"]
    for child in children:
        if child.state is ChildState.STOPPED:
            continue
        if child.state is not ChildState.RUNNING or not child.pid.alive:
            return "busy"
        if child.type is ChildType.SUPERVISOR:
            below = look(address.supervisor(child.id), child.id)
            if isinstance(below, str):
                return "busy"
            lines += below
    return lines


# -- words


def text(reason):
    match reason:
        case Shutdown(FailedToStart(id_, why)):
            return f"shutdown:failed:{id_}:{text(why)}"
        case Shutdown(None):
            return "shutdown"
        case Shutdown(detail):
            return f"shutdown:{detail}"
        case Crash("RuntimeError", message):
            return message
    return {NORMAL: "normal", KILLED: "killed"}.get(reason, repr(reason))


def name(step):
    match step:
        case Exit(id_, reason):
            return f"{id_} exits {reason}"
        case Kill(id_):
            return f"{id_} is killed"
        case Start(supervisor, child):
            return f"start_child {child.id} in {supervisor}"
        case Admin(verb, supervisor, id_):
            return f"{verb} {id_} in {supervisor}"
        case Change(supervisor, tree):
            return f"change of {supervisor} to {tree.strategy} {tree.intensity} {tree.auto_shutdown}"
        case Meanwhile(id_, ask):
            return f"{id_} crashes and meanwhile {name(ask)}"

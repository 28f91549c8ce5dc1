"""A registry: actors under names and topics, found again after a crash."""

from __future__ import annotations

from supervisors import ChildSpec, GenServer, Registry, Sender, Supervisor

# expect: after the crash: alice is at 0 again, the room has alice, bob

names = Registry(name="names", keys="unique")  # one actor for each key
rooms = Registry(name="rooms", keys="duplicate")  # any number of actors for each key


class Player(GenServer):
    """Counts its points; joins the room in every generation."""

    def init(self, name: str) -> None:
        """Join; `names` has the name already."""
        self.name, self.points = name, 0
        rooms.register("lobby", name)  # the entry belongs to this actor and goes with it

    def handle_call(self, message: int, sender: Sender) -> int:  # noqa: ARG002 -- it answers at once
        """Add points and return the sum."""
        self.points += message
        return self.points

    def handle_cast(self, message: str) -> None:
        """Crash."""
        raise RuntimeError(message)


def player(name: str) -> ChildSpec:
    """Describe a player that has its name in every generation."""
    return names.via(name).named(Player.child_spec(name, id=name))


children = [names.child_spec(), rooms.child_spec(), player("alice"), player("bob")]
with Supervisor.start(children, strategy="one_for_one"):
    alice = names.via("alice")  # looked up at each send; it is equal to every other via("alice")
    print("alice has", alice.call(3), "points, bob has", names.via("bob").call(5))

    old = alice.pid
    alice.cast("crash")
    old.wait_exit(5)
    print("her entries went with her:", old not in [entry.owner for entry in rooms.lookup("lobby")])
    alice.wait_available(5)

    points = alice.call(0)  # served once the new generation has joined
    present = sorted(entry.value for entry in rooms.lookup("lobby"))
    print(f"after the crash: alice is at {points} again, the room has {', '.join(present)}")

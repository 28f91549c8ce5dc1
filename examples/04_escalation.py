"""Escalation: a supervisor that needs too many restarts gives up, and its parent starts it again."""

from __future__ import annotations

from supervisors import Address, GenServer, Supervisor, TreeNode

# expect: generations: calm 1, branch 2, unsettled 1


class Worker(GenServer):
    """Crashes by a cast, and says in which generation it is."""

    def handle_cast(self, message: str) -> None:
        """Crash."""
        raise RuntimeError(message)

    def handle_call(self, message: object, sender: object) -> int:  # noqa: ARG002 -- it has one answer
        """Return the generation."""
        return self.pid.generation


def draw(node: TreeNode, depth: int = 0) -> None:
    """Print the tree below a node."""
    print(f"    {'  ' * depth}{node.id}, generation {node.generation}")
    for child in node.children:
        draw(child, depth + 1)


def crash(worker: Address) -> None:
    """Crash a worker and wait for its end."""
    old = worker.pid
    worker.cast("no luck")
    old.wait_exit(5)


# Allows one restart within five seconds; the second crash is one too many.
workers = [Worker.child_spec(id="first"), Worker.child_spec(id="unsettled")]
branch = Supervisor.child_spec(workers, id="branch", strategy="one_for_all", intensity=1, period=5)

with Supervisor.start([Worker.child_spec(id="calm"), branch], name="root") as tree:
    below = tree.supervisor("branch")
    unsettled, calm = below.child("unsettled"), tree.child("calm")
    print("before:")
    draw(tree.snapshot())

    old_branch = below.pid
    crash(unsettled)
    unsettled.wait_available(5)
    print("after one crash, for which `one_for_all` restarts both workers:")
    draw(tree.snapshot())
    crash(unsettled)
    old_branch.wait_exit(5)  # it stops its workers and ends; the root counts that as one restart of its own
    below.wait_available(5)
    print("after the second, which the branch does not survive:")
    draw(tree.snapshot())
    print(f"generations: calm {calm.call(0)}, branch {below.pid.generation}, unsettled {unsettled.call(0)}")

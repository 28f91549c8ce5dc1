"""The rows that an actor in a thread cannot have, each with the reason; they have no test."""

from __future__ import annotations

NOT_APPLICABLE: dict[str, str] = {
    # For the same reason the call to an unknown node is missing from the tests of K02.
    "K15": "needs two nodes; actors are threads of one process, so there is no other node to lose",
}

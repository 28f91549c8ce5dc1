"""Many processes that save to one id: no update is lost, the chain is linear, and nobody is turned away."""

from __future__ import annotations

import pytest

from dspex_actors.state import States
from tests.integration.state._programs import COUNTER, backend, program, start


@pytest.mark.parametrize(
    ("processes", "each"), [(3, 25), pytest.param(8, 500, marks=pytest.mark.slow)], ids=["few", "many"]
)
@pytest.mark.parametrize("kind", ["sqlite normal", "file_system unflushed"])
def test_processes_that_count_together_lose_no_count(tmp_path, kind, processes, each):
    path = tmp_path / "states"
    with States.open(backend(kind, path)) as states:
        states.save("counter", 0)
    counters = [start(program(COUNTER, kind), path, each) for _ in range(processes)]
    for counter in counters:
        counter.stdin.write("go\n")
        counter.stdin.flush()
    said = [counter.communicate()[0] for counter in counters]

    assert [counter.returncode for counter in counters] == [0] * processes
    assert all(line.strip().isdigit() for line in said)
    total = processes * each
    with States.open(backend(kind, path)) as states:
        assert states.load("counter").state == total
        versions = states.list_versions("counter", limit=10_000)
        assert [version.revision for version in versions] == list(range(total + 1, 0, -1))
        assert [states.load("counter", version.revision).state for version in versions[::-1]] == list(
            range(total + 1)
        )
        assert states.verify().sound

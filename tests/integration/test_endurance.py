"""Hundreds of calls leave no trace in host or zygote, and a stop in mid-traffic is told to everybody."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from dspex_actors import Completed, ExecutorUnavailableError, Limits, RuntimeClosedError, WorkerDied
from tests._leaks import open_descriptors
from tests.integration._tools import CEILING_S, Gated, pidfds_of, runtime_of, wait_stats


def idle(runtime):
    wait_stats(runtime, lambda stats: stats.ready == 2 and not stats.starting and not stats.busy)


def count_descriptors(zygote: int) -> int:
    return len(os.listdir(f"/proc/{zygote}/fd"))  # noqa: PTH208 -- only the number is wanted


def count_slots(zygote: int) -> int:
    """Count the scratch folders that were ever made."""
    return len(list(Path(f"/proc/{zygote}/root/scratch").iterdir()))


def child_states(zygote: int) -> list[str]:
    """Return the states of a process's children, as /proc spells them: Z for a dead one."""
    children = Path(f"/proc/{zygote}/task/{zygote}/children").read_text().split()
    stats = [Path(f"/proc/{child}/stat").read_text() for child in children]
    return [stat.rpartition(")")[2].split()[0] for stat in stats]


def busy_threads() -> int:
    """Count our threads without those that wait for one more actor: their number is limited by itself."""
    return sum(thread.name != "supervisors-idle" for thread in threading.enumerate())


MIXED = [
    "1",
    "1 / 0",
    "import os; os._exit(1)",
    "open('f', 'w').write('x')",
    "print('x' * 1000)",
    "lambda: 1",
]


def test_hundreds_of_calls_grow_neither_the_host_nor_its_zygote():
    with runtime_of(spares=2) as runtime:
        with pidfds_of(runtime.executor) as pidfds:
            zygote = next(iter(pidfds))
        sizes = []
        for _ in range(2):
            for number in range(150):
                runtime.execute(MIXED[number % len(MIXED)])
            idle(runtime)
            sizes.append((len(open_descriptors()), busy_threads(), count_descriptors(zygote)))
        slots = count_slots(zygote)

        assert sizes[0][:2] == sizes[1][:2]
        assert sizes[1][2] <= sizes[0][2] + 6  # a slot more takes a ruleset and a nanny's pidfd
        assert 2 <= slots <= 10


def test_a_zygote_keeps_no_dead_children():
    with runtime_of(spares=2) as runtime:
        with pidfds_of(runtime.executor) as pidfds:
            zygote = next(iter(pidfds))
        for number in range(60):
            runtime.execute(MIXED[number % len(MIXED)])
        idle(runtime)
        tick = threading.Event()
        for _ in range(1000):
            if "Z" not in child_states(zygote):
                break
            tick.wait(0.005)
        slots = count_slots(zygote)

        assert "Z" not in child_states(zygote)
        assert len(child_states(zygote)) <= 2 + slots + 1  # workers, nannies, and who starts nannies


def test_a_stop_in_mid_traffic_is_told_to_every_caller():
    runtime = runtime_of(spares=2)
    outcomes = []
    started = threading.Semaphore(0)

    def client():
        while True:
            try:
                outcomes.append(runtime.execute("1"))
            except BaseException as error:  # noqa: BLE001 -- looked at below
                outcomes.append(error)
                return
            finally:
                started.release()

    clients = [threading.Thread(target=client, daemon=True) for _ in range(6)]
    for thread in clients:
        thread.start()
    for _ in range(30):
        assert started.acquire(timeout=CEILING_S)
    report = runtime.stop()
    for thread in clients:
        thread.join(CEILING_S)

    assert not any(thread.is_alive() for thread in clients)
    assert report.clean
    assert {type(outcome) for outcome in outcomes} <= {
        Completed,
        RuntimeClosedError,
        ExecutorUnavailableError,
        WorkerDied,
    }


def test_a_task_cancelled_in_the_queue_never_runs():
    async def main(runtime):
        task = asyncio.create_task(runtime.aexecute("1"))
        await asyncio.to_thread(wait_stats, runtime, lambda stats: stats.queued == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(wait_stats, runtime, lambda stats: stats.queued == 0)

    with runtime_of(spares=0, max_workers=1) as runtime:
        gated = Gated(runtime)
        asyncio.run(main(runtime))
        Gated.open()

        assert gated.future.result(CEILING_S).value == "passed"


def test_a_timeout_of_the_loop_frees_the_worker_for_the_next():
    async def main(runtime):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await runtime.aexecute("while True: pass", limits=Limits(time_s=60))
        return await runtime.aexecute("1")

    with runtime_of(spares=0, max_workers=1) as runtime:
        assert asyncio.run(main(runtime)).value == 1


def test_a_loop_that_closes_under_way_leaves_nothing():
    async def main(runtime):
        asyncio.create_task(runtime.aexecute("while True: pass", limits=Limits(time_s=60)))  # noqa: RUF006 -- forgotten
        await asyncio.to_thread(wait_stats, runtime, lambda stats: stats.busy == 1)

    with runtime_of(spares=0, max_workers=1) as runtime:
        asyncio.run(main(runtime))

        assert runtime.execute("1").value == 1

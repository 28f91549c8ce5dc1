"""Good and hostile requests from eight clients: no result is lost or comes twice, and nothing grows.

make soak                                                for 60 seconds; samples and plot in build/soak
SOAK_SECONDS=600 SOAK_RESULTS=bench/results make soak    for ten minutes; beside the benches
"""

# ruff: noqa: T201 -- seed and counts are for whoever reads the log

from __future__ import annotations

import os
import random
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from tests._leaks import Snapshot, become_subreaper, leaks_since
from tests.soak._flat import LEAST_IN_ALL, rises
from tests.soak._plot import csv_of, svg_of
from tests.soak._soak import CEILING_S, Soak

SHORT_S = 2.0
BOUNDS = {
    "host_mib": 8.0,
    "zygotes_mib": 4.0,
    "other_mib": 1.0,
    "host_descriptors": 2.0,
    "zygote_descriptors": 6.0,
    "threads": 2.0,
    "processes": 2.0,
    "zombies": 0.5,
    "slots": 2.0,
    "files": 0.5,
    "python_blocks": 20_000,
    "heap_used_mib": 2.0,
}
"""What each quantity may rise by, over the time after the warm-up."""


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(60)


@pytest.fixture(autouse=True)
def folder_of_our_own(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def soak(seconds, folder, least_rests=1):
    """Run one; return it when it is over and has left nothing behind."""
    seed = os.environ.get("SOAK_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"\nsoak of the runtime: {seconds:g} s, SOAK_SEED={seed}")
    become_subreaper()
    before = Snapshot.take()
    run = Soak(seed)
    try:
        run.run(seconds, least_rests)
    finally:
        clean = run.stop()
    by_kind = Counter()
    for (verb, kind), count in sorted(run.ledger.counted.items()):
        by_kind[kind] += count
        print(f"soak: {count:6} x {verb} {kind}")
    print("soak: " + ", ".join(f"{count} x {kind}" for kind, count in sorted(by_kind.items())))
    assert run.ledger.faults == []
    assert run.failures == {}
    assert clean
    assert leaks_since(before, settle_s=CEILING_S) == []
    assert list(folder.glob("dspex-*")) == []
    return run


@pytest.mark.integration
def test_two_seconds_of_mixed_load_lose_no_result_and_leave_nothing_behind(folder_of_our_own):
    run = soak(SHORT_S, folder_of_our_own)

    assert run.rests()
    assert sum(run.ledger.counted.values()) > len(run.clients)


@pytest.mark.soak
@pytest.mark.integration
def test_a_long_time_of_mixed_load_lets_nothing_grow(folder_of_our_own):
    results = Path(os.environ.get("SOAK_RESULTS") or "build/soak").absolute()
    run = soak(float(os.environ.get("SOAK_SECONDS", "60")), folder_of_our_own, LEAST_IN_ALL)
    results.mkdir(parents=True, exist_ok=True)
    (results / "soak.csv").write_text(csv_of(run.samples), encoding="utf-8")
    (results / "soak.svg").write_text(svg_of(run.samples, BOUNDS), encoding="utf-8")
    print(f"soak: samples and plot are in {results}")

    assert rises(run.rests(), BOUNDS) == []

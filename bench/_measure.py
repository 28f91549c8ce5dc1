"""Measuring several competitors side by side.

Every competitor runs in a process of its own, with nothing loaded but what it needs: a library that forks is
not charged for the memory of another one. The competitors take turns, a few runs each, so that a busy minute
of the machine falls on all of them.

A competitor is a function that returns a context manager; entered, it gives a dict of case to callable. One
call is one run. A callable that returns nothing is timed; else it has measured by itself and returns one
figure, a list of them, or a dict of sub-case to figure.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _table import OURS, table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    Run = Callable[[], Any]
    Competitor = Callable[[], AbstractContextManager[Mapping[str, Run]]]

# A script's folder comes first on the path; here `supervisors.py` would hide the package of that name.
sys.path.sort(key=lambda folder: Path(folder).resolve() == Path(__file__).resolve().parent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that is measured.

    Attributes:
        name: what the competitors call it.
        unit: of its figures; runs that are timed give milliseconds.
        target: what the design asks of the median; None if nothing.
        targets: the same for sub-cases.
        more: whether a larger figure is a better one.
        turns, runs: how many turns each competitor gets, and runs in a turn.
        pause_s: seconds of rest before each run, not measured.
        quick: turns and runs of a quick look; no turns leave the case out.
        warm: whether one run goes before that is not counted.
        patience_s: seconds a turn may take; a competitor that hangs is killed and says so in its row.
    """

    name: str
    unit: str = "ms"
    target: float | None = None
    targets: Mapping[str, float] = field(default_factory=dict)
    more: bool = False
    turns: int = 5
    runs: int = 20
    pause_s: float = 0.0
    quick: tuple[int, int] = (2, 5)
    warm: bool = True
    patience_s: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came out for one competitor in one case. `note` says why there are no figures."""

    question: str
    case: str
    who: str
    unit: str
    more: bool
    target: float | None
    figures: list[float] = field(default_factory=list, repr=False)
    note: str = ""

    def summary(self) -> dict[str, Any]:
        """Return the row as plain data, with its quantiles in place of the single figures."""
        plain = asdict(self)
        figures = sorted(plain.pop("figures"))
        worst = [-figure for figure in reversed(figures)] if self.more else figures
        sign = -1 if self.more else 1
        plain["n"] = len(figures)
        if figures:
            plain |= {"median": statistics.median(figures), "p95": sign * quantile(worst, 0.95)}
            plain |= {"p99": sign * quantile(worst, 0.99), "best": sign * worst[0]}
        return plain


def quantile(ordered: list[float], share: float) -> float:
    """Return the smallest figure that `share` of an ordered list do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def environment() -> dict[str, str]:
    """Return the environment without what would make Python compile every module anew."""
    dropped = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
    return {name: text for name, text in os.environ.items() if name not in dropped}


class _Arena:
    """One competitor's process."""

    def __init__(self, script: str, name: str) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, script, "--competitor", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
            start_new_session=True,
        )
        self._ended = "its process ended"
        self._failed = False

    def turn(self, case: Case, runs: int, pause_s: float) -> Any:  # noqa: ANN401 -- JSON
        """Let it run a case; return its figures, None if it takes no part, a text when it has just failed."""
        if self._failed:
            return None
        assert self._process.stdin is not None  # noqa: S101 -- asked for above
        assert self._process.stdout is not None  # noqa: S101 -- as above
        timer = threading.Timer(case.patience_s, self._give_up, [case.patience_s])
        timer.start()
        try:
            self._process.stdin.write(json.dumps([case.name, runs, pause_s]) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        finally:
            timer.cancel()
        found = json.loads(answer) if answer else self._ended
        self._failed = isinstance(found, str)
        return found

    def _give_up(self, patience_s: float) -> None:
        self._ended = f"hung: no answer within {patience_s:g} s"
        self._kill()

    def _kill(self) -> None:
        """Kill it with all it forked: a pool's workers would wait for ever."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Let it clean up; kill what is left."""
        timer = threading.Timer(5, self._kill)
        timer.start()
        self._process.communicate()
        timer.cancel()
        self._kill()


def _perform(competitor: Competitor) -> None:
    """Be one competitor: run what is asked for on stdin, answer on stdout."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is not an answer
    try:
        with competitor() as cases:
            for line in sys.stdin:
                name, runs, pause_s = json.loads(line)
                found = cases.get(name)
                answers.write(json.dumps(None if found is None else _runs(found, runs, pause_s)) + "\n")
                answers.flush()
    except Exception as error:  # noqa: BLE001 -- a peer that fails costs its own row only
        answers.write(json.dumps(f"{type(error).__name__}: {error}"[:200]) + "\n")
        answers.flush()


def _runs(run: Run, count: int, pause_s: float) -> list[Any]:
    figures: list[Any] = []
    for _ in range(count):
        if pause_s:
            time.sleep(pause_s)
        begun = time.perf_counter()
        figure = run()
        took = (time.perf_counter() - begun) * 1e3
        figures += [took] if figure is None else figure if isinstance(figure, list) else [figure]
    return figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One script's question: who competes, and in which cases.

    Attributes:
        name: the script's.
        script: its file.
        competitors: by name; ours is `OURS`.
        cases: in the order in which they are run.
    """

    name: str
    script: str
    competitors: Mapping[str, Competitor]
    cases: tuple[Case, ...]

    def main(self) -> None:
        """Run from the command line: `--quick` for a short look, `--json` for rows as JSON."""
        parser = argparse.ArgumentParser()
        parser.add_argument("--quick", action="store_true", help="fewer runs")
        parser.add_argument("--json", action="store_true", help="print the rows as JSON")
        parser.add_argument("--competitor", help=argparse.SUPPRESS)
        options = parser.parse_args()
        if options.competitor:
            _perform(self.competitors[options.competitor])
            return
        rows = [row.summary() for row in self.measure(quick=options.quick)]
        print(json.dumps(rows) if options.json else table(rows))

    def measure(self, *, quick: bool) -> list[Row]:
        """Let the competitors take turns."""
        arenas = [_Arena(self.script, name) for name in self.competitors]
        found: dict[tuple[str, str], Row] = {}
        try:
            for case in self.cases:
                turns, runs = case.quick if quick else (case.turns, case.runs)
                if case.warm and turns:
                    for arena in arenas:
                        if isinstance(failure := arena.turn(case, 1, 0.0), str):
                            self._note(found, case, arena.name, failure)
                for turn in range(turns):
                    shift = turn % len(arenas)
                    for arena in arenas[shift:] + arenas[:shift]:
                        answer = arena.turn(case, runs, case.pause_s)
                        if answer is not None:  # it takes part in this case
                            self._note(found, case, arena.name, answer)
        finally:
            for arena in arenas:
                arena.close()
        return list(found.values())

    def _note(self, found: dict[tuple[str, str], Row], case: Case, who: str, answer: Any) -> None:  # noqa: ANN401 -- JSON
        """Add what a turn gave."""
        parts: dict[str, list[float]] = {}
        for figure in answer if isinstance(answer, list) else []:
            for part, number in figure.items() if isinstance(figure, dict) else [("", figure)]:
                parts.setdefault(part, []).append(number)
        note = "" if isinstance(answer, list) else str(answer)
        for part, figures in (parts or {"": []}).items():
            name = f"{case.name}: {part}" if part else case.name
            target = (case.targets.get(part) if part else case.target) if who == OURS else None
            row = found.get((name, who))
            if row is None or row.note:
                row = found[name, who] = Row(
                    question=self.name,
                    case=name,
                    who=who,
                    unit=case.unit,
                    more=case.more,
                    target=target,
                    note=note,
                )
            row.figures.extend(figures)

"""Our Supervisor and OTP's live through the same histories, and are compared step by step.

What is compared after each step: the result of a request, which children there are and their counts, every
`init` and `terminate` in order, and why each actor ended.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.supervisors.erlang._histories import (
    Admin,
    Change,
    Child,
    Exit,
    History,
    Kill,
    Meanwhile,
    Start,
    Tree,
    draw,
    term,
)
from tests.supervisors.erlang._ours import play

SCRIPT = Path(__file__).parent / "histories.erl"
MISSING = "there is no Erlang here: install it (Debian: erlang-base) or run `make setup-languages` as root"
SEEDS = range(50)
SLOW_SEEDS = range(50, 550)
LINES_A_STEP = 4
PINNED = {
    "a request to a supervisor whose start then fails": History(
        seed=-1,
        tree=Tree(
            "one_for_one",
            3,
            (Child("s1", below=Tree("one_for_all", 0, (Child("c1"), Child("c2")))), Child("c3")),
        ),
        steps=(
            Meanwhile("c2", Start("s1", Child("c4"))),
            Meanwhile("c2", Admin("delete_child", "s1", "c1")),
            Exit("c3", "boom"),
        ),
    ),
    "a child that is being restarted": History(
        seed=-2,
        tree=Tree(
            "rest_for_one", 6, (Child("c1"), Child("c2", starts=("ok", "raise", "ignore")), Child("c3"))
        ),
        steps=(
            Meanwhile("c1", Start("root", Child("c1"))),
            Meanwhile("c1", Admin("delete_child", "root", "c1")),
            Meanwhile("c1", Admin("terminate_child", "root", "c1")),
            Kill("c3"),
            Admin("restart_child", "root", "c1"),
        ),
    ),
}


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level("CRITICAL")


def by_erlang(histories, folder):
    """Let OTP play histories; return the lines of each by its seed."""
    escript = shutil.which("escript")
    if escript is None and os.environ.get("CI") == "true":
        pytest.fail(MISSING)
    if escript is None:
        pytest.skip(MISSING)
    file = folder / "histories"
    file.write_text("".join(f"{term(history)}.\n" for history in histories), encoding="utf-8")
    environment = {**os.environ, "HOME": str(folder)}  # where Erlang would leave a cookie
    done = subprocess.run(
        [escript, SCRIPT, file], capture_output=True, text=True, timeout=100, check=False, env=environment
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout[-2000:]
    told = done.stdout.split("history ")[1:]
    return {int(seed): text.splitlines() for seed, _, text in (each.partition("\n") for each in told)}


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    return by_erlang([*map(draw, SEEDS), *PINNED.values()], tmp_path_factory.mktemp("erlang"))


@pytest.fixture(scope="module")
def many_of_theirs(tmp_path_factory):
    return by_erlang(map(draw, SLOW_SEEDS), tmp_path_factory.mktemp("erlang"))


def first_difference(ours, theirs):
    """Say where two plays differ first, with the step before it; an empty text if they do not."""
    if ours == theirs:
        return ""
    same = next((at for at, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), None)
    step = (min(len(ours), len(theirs)) if same is None else same) // LINES_A_STEP * LINES_A_STEP
    shown = slice(step, step + LINES_A_STEP)
    before = ours[max(0, step - LINES_A_STEP) : step]
    return "\n".join(["before:", *before, "ours:", *ours[shown], "theirs:", *theirs[shown]])


@pytest.mark.integration
@pytest.mark.parametrize("seed", SEEDS)
def test_a_history_goes_the_same_way_here_and_in_erlang(seed, theirs):
    assert first_difference(play(draw(seed)), theirs[seed]) == "", f"seed {seed}"


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize("seed", SLOW_SEEDS)
def test_each_of_many_histories_goes_the_same_way_here_and_in_erlang(seed, many_of_theirs):
    assert first_difference(play(draw(seed)), many_of_theirs[seed]) == "", f"seed {seed}"


@pytest.mark.integration
@pytest.mark.parametrize("history", PINNED.values(), ids=PINNED)
def test_a_history_that_once_went_another_way_or_is_rare_goes_the_same_way(history, theirs):
    assert first_difference(play(history), theirs[history.seed]) == ""


def test_a_seed_always_gives_the_same_history_and_others_give_others():
    assert draw(7) == draw(7)
    assert len({term(draw(seed)) for seed in SEEDS}) == len(SEEDS)


def test_the_histories_of_the_default_suite_hold_every_kind_of_step_strategy_and_restart():
    drawn = [draw(seed) for seed in SEEDS]
    children = [child for history in drawn for child in history.tree.children]

    assert {type(step) for history in drawn for step in history.steps} == {
        Exit,
        Kill,
        Start,
        Admin,
        Change,
        Meanwhile,
    }
    assert {history.tree.auto_shutdown for history in drawn} == {
        "never",
        "any_significant",
        "all_significant",
    }
    assert any(child.significant for child in children)
    assert {history.tree.strategy for history in drawn} == {"one_for_one", "one_for_all", "rest_for_one"}
    assert {child.restart for child in children} == {"permanent", "transient", "temporary"}
    assert {len(history.tree.children) for history in drawn} == {1, 2, 3, 4, 5, 6}
    assert any(child.below for child in children)


@pytest.mark.parametrize(
    ("ours", "theirs", "difference"),
    [
        (["a", "b"], ["a", "b"], ""),
        (list("abcdefgh"), list("abcdefgx"), "before:\na\nb\nc\nd\nours:\ne\nf\ng\nh\ntheirs:\ne\nf\ng\nx"),
        (list("abcd"), list("abcdefgh"), "before:\na\nb\nc\nd\nours:\ntheirs:\ne\nf\ng\nh"),
    ],
)
def test_the_first_difference_is_shown_with_the_step_before_it(ours, theirs, difference):
    assert first_difference(ours, theirs) == difference

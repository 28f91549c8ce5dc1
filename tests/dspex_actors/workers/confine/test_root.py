"""Which paths the guests' root shows and covers: decided without touching any file."""

from __future__ import annotations

import pytest

from dspex_actors.workers.confine._root import Step, plan


@pytest.mark.parametrize(
    ("shown", "hidden", "steps"),
    [
        ([], [], []),
        (["/usr/lib"], [], [("/usr/lib", True)]),
        (["/usr/lib", "/usr/lib/x"], [], [("/usr/lib", True)]),
        (["/usr/lib/x", "/usr/lib"], [], [("/usr/lib", True)]),
        (["/usr/lib", "/usr/lib64"], [], [("/usr/lib", True), ("/usr/lib64", True)]),
        (["/lib"], ["/lib/site"], [("/lib", True), ("/lib/site", False)]),
        (
            ["/lib", "/lib/site/numpy"],
            ["/lib/site"],
            [("/lib", True), ("/lib/site", False), ("/lib/site/numpy", True)],
        ),
        (["/lib/site/numpy"], ["/lib/site"], [("/lib/site/numpy", True)]),
        (["/lib", "/lib-more"], ["/lib/site"], [("/lib-more", True), ("/lib", True), ("/lib/site", False)]),
    ],
    ids=[
        "nothing",
        "one folder",
        "a folder below a shown one needs no step",
        "whatever their order",
        "names that begin alike are not below each other",
        "a hidden folder is covered",
        "what is shown below a hidden folder is there again",
        "a hidden folder that nobody shows needs no step",
        "a name that begins like a folder comes not between it and what is below it",
    ],
)
def test_the_fewest_steps_show_what_is_shown_and_cover_what_is_hidden(shown, hidden, steps):
    assert plan(shown, hidden) == [Step(*step) for step in steps]

"""Where the time of a call goes: a warm one, one in a fresh sandbox, and the making of that sandbox.

Each part ends where the next begins, so they sum up to the whole. A part that is called a hop is a wake-up of
another thread or process and nothing else; what it costs is the machine's to say. The names are those of the
table in README.md.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from _measure import Case, Question
from _stamps import stamped
from _table import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _stamps import Stamps

    Run = Callable[[], dict[str, float]]

CODE = "1 + 1"
_GUEST = (
    ("guest fill<", "07 socket, hop to the guest"),
    ("guest run>", "08 guest: request, limits"),
    ("guest run<", "09 guest: the code"),
    ("guest send>", "10 guest: value, usage"),
    ("host fill<", "11 socket, hop to the actor"),
    ("reply>", "12 actor: result"),
    ("returned", "13 hop to the caller"),
)
WARM = (
    ("pid call>", "01 caller: request"),
    ("session>", "02 hop to the session's actor"),
    ("host send>", "06 actor: encodes, arms the deadline"),
    *_GUEST,
)
FRESH = (
    ("pid call>", "01 caller: request"),
    ("executor>", "03 hop to the executor"),
    ("executor<", "04 executor: picks a worker"),
    ("worker actor>", "05 hop to the worker's actor"),
    ("host send>", "06 actor: encodes, arms the deadline"),
    ("guest fill<", "07 socket, hop to the guest"),
    ("limits>", "08 guest: request"),
    ("limits<", "08 guest: limits"),
    ("guest run>", "08 guest: to the code"),
    ("compile<", "09 guest: compiles"),
    ("guest run<", "09 guest: runs"),
    *_GUEST[3:],
)
MAKING = (
    ("spawn received<", "20 host, hop to the zygote"),
    ("slot<", "21 zygote: slot"),
    ("fork>", "21 zygote: to the fork"),
    ("enter>", "22 pid namespace, fork, hop to the child"),
    ("descriptors>", "23 session, folder, user, death signal"),
    ("descriptors<", "24 descriptors"),
    ("capabilities<", "25 capabilities"),
    ("landlock<", "26 Landlock"),
    ("seccomp<", "27 seccomp"),
    ("warm up>", "28 collector, streams"),
    ("warm up<", "29 rehearsal"),
    ("returned", "30 ready, hop to the host"),
)
NEW_SLOT = (
    ("spawn received<", "20 host, hop to the zygote"),
    ("slot<", "21 zygote: slot with scratch folder and ruleset"),
    ("fork>", "21 zygote: to the fork"),
    ("enter>", "22 nanny, pid namespace, fork, hop to the child"),
    *MAKING[4:],
)


def _sum(parts: dict[str, float]) -> dict[str, float]:
    return parts and parts | {"whole": sum(parts.values())}


def _calls(stamps: Stamps) -> Iterator[dict[str, Run]]:
    from dspex_actors import Runtime  # noqa: PLC0415 -- after the zygote's first line was changed

    with Runtime() as runtime, runtime.session(checkpoint="never") as session:

        def warm() -> dict[str, float]:
            stamps.note("called")
            assert session.execute(CODE).value == 2  # noqa: S101 -- a bench of wrong answers is none
            stamps.note("returned")
            return _sum(stamps.parts("called", WARM))

        def fresh() -> dict[str, float]:
            stamps.note("called")
            assert runtime.execute(CODE).value == 2  # noqa: S101 -- as above
            stamps.note("returned")
            return _sum(stamps.parts("called", FRESH))

        yield {"warm call in a session": warm, "fresh sandbox, spare ready": fresh}


@contextmanager
def ours() -> Iterator[dict[str, Run]]:
    """Use a runtime and a session of it, and a zygote of our own for the making."""
    with stamped() as stamps:
        from _ours import START_S, bare_zygote, new_system  # noqa: PLC0415 -- as in `_calls`

        timers = new_system().timers
        with bare_zygote() as zygote:
            kept = []

            def made() -> None:
                stamps.note("called")
                kept.append(zygote.spawn())
                kept[-1].wait_ready(START_S, timers)
                stamps.note("returned")

            def making() -> dict[str, float]:
                made()
                kept.pop().close()
                return _sum(stamps.parts("called", MAKING))

            def with_a_new_slot() -> dict[str, float]:
                made()  # those before keep theirs
                return _sum(stamps.parts("called", NEW_SLOT))

            for calls in _calls(stamps):
                yield calls | {"making a spare": making, "making a spare, new slot": with_a_new_slot}
            for worker in kept:
                worker.close()


QUESTION = Question(
    name="breakdown",
    script=__file__,
    competitors={OURS: ours},
    cases=(
        Case(name="warm call in a session", turns=8, runs=250, quick=(3, 100)),
        Case(name="fresh sandbox, spare ready", turns=5, runs=20, pause_s=0.03, quick=(2, 10)),
        Case(name="making a spare", turns=5, runs=20, pause_s=0.03, quick=(2, 10)),
        Case(name="making a spare, new slot", turns=2, runs=20, pause_s=0.03, quick=(1, 10)),
    ),
)

if __name__ == "__main__":
    QUESTION.main()

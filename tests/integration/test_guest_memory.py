"""Memory that the kernel's own limits do not count is found by the host, and ends the guest's worker."""

from __future__ import annotations

import textwrap

import pytest

from dspex_actors import MIB, Completed, LimitExceeded, Limits, Policy
from tests.integration._tools import BareZygote, runtime_of

SMALL = Limits(time_s=20, memory_bytes=64 * MIB)

# Each takes 200 MiB, then waits to be killed, or goes on if `size` is small.
TRICKS = {
    "a mapping that grows like a stack": """
        import mmap
        size = SIZE
        kept = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x100)
        for at in range(0, size, 4096): kept[at] = 1
        """,
    "pages that are made read-only when they are full": """
        import ctypes, mmap
        libc, kept, piece = ctypes.CDLL(None), [], 8 << 20
        for _ in range(SIZE // piece):
            new = mmap.mmap(-1, piece, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            for at in range(0, piece, 4096): new[at] = 1
            where = ctypes.addressof(ctypes.c_char.from_buffer(new))
            assert libc.mprotect(ctypes.c_void_p(where), piece, 1) == 0
            kept.append(new)
        """,
}


def code(trick, size, then):
    return textwrap.dedent(TRICKS[trick]).replace("SIZE", str(size)) + then


@pytest.fixture(scope="module", params=["process", "trusted"])
def zygote(request, clean_module):  # noqa: ARG001 -- set up before
    with BareZygote(Policy(profile=request.param)) as zygote:
        yield zygote


@pytest.mark.parametrize("trick", TRICKS)
def test_memory_that_the_kernel_does_not_count_ends_the_guest_all_the_same(zygote, trick):
    result = zygote.run(code(trick, 200 * MIB, "while True: pass"), SMALL)

    assert isinstance(result, LimitExceeded), result
    assert (result.limit, result.allowed) == ("memory", 64 * MIB)
    assert zygote.run("1 + 1").value == 2


@pytest.mark.parametrize("trick", TRICKS)
def test_the_same_below_the_limit_is_left_alone(zygote, trick):
    waits = "import threading\nthreading.Event().wait(0.2)\n'left alone'"

    result = zygote.run(code(trick, 40 * MIB, waits), SMALL)

    assert isinstance(result, Completed), result
    assert result.value == "left alone"


def test_memory_of_a_policy_s_preloaded_modules_is_not_the_guests():
    waits = "import threading\nthreading.Event().wait(0.2)\nlen(bytearray(48 * 2**20))"
    with BareZygote(Policy(preload=("numpy",))) as zygote:
        assert zygote.run(waits, SMALL).value == 48 * MIB


def test_a_call_with_less_memory_than_its_session_cannot_lift_its_limit_for_long():
    lifts = "import resource\nresource.setrlimit(resource.RLIMIT_DATA, (resource.getrlimit(2)[1],) * 2)\n"
    fills = "kept = bytearray(150 * 2**20)\nwhile True: pass"
    with runtime_of(spares=0) as runtime, runtime.session(limits=Limits(time_s=20)) as session:
        result = session.execute(lifts + fills, limits=SMALL)
        left_alone = session.execute(lifts + "len(bytearray(150 * 2**20))").value

    assert isinstance(result, LimitExceeded), result
    assert (result.limit, result.allowed) == ("memory", 64 * MIB)
    assert left_alone == 150 * MIB


@pytest.mark.parametrize(("checkpoint", "fate"), [("every_call", "rolled_back"), ("never", "lost")])
def test_a_session_whose_worker_is_killed_for_it_goes_back_or_loses_its_state(checkpoint, fate):
    trick = code("a mapping that grows like a stack", 200 * MIB, "while True: pass")
    with (
        runtime_of(spares=0) as runtime,
        runtime.session(checkpoint=checkpoint, limits=SMALL) as session,
    ):
        session.execute("x = 42")
        result = session.execute(trick)
        kept = session.execute("globals().get('x')").value

    assert isinstance(result, LimitExceeded), result
    assert (result.limit, result.session.fate) == ("memory", fate)
    assert kept == (42 if fate == "rolled_back" else None)

"""A scratch folder holds as much as its policy says, in bytes and in files, and not one more."""

from __future__ import annotations

import textwrap

import pytest

from dspex_actors import MIB, Limits, Policy
from tests.integration._tools import BareZygote

POLICY = Policy(profile="process", scratch_bytes=2 * MIB, scratch_files=20)
LIMITS = Limits(time_s=20, file_bytes=None)

FILES = """
made = 0
try:
    while made < 1000:
        MAKE
        made += 1
except OSError as error:
    result = (made, error.errno)
"""
MAKES = {
    "files": "open(f'f{made}', 'w').close()",
    "folders": "__import__('os').mkdir(f'd{made}')",
    "links": "__import__('os').symlink('x' * 100, f'l{made}')",
}
BYTES = """
import os
pieces = 0
try:
    while pieces < 1000:
        with open(f"f{pieces % 8}", "ab", buffering=0) as file:
            file.write(bytes(64 * 1024))
        pieces += 1
except OSError as error:
    result = (pieces, error.errno)
"""


@pytest.fixture(scope="module")
def zygote(clean_module):  # noqa: ARG001 -- set up before
    with BareZygote(POLICY) as zygote:
        yield zygote


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_the_number_of_files_is_limited_whatever_kind_they_are_of(zygote, make):
    made, code = zygote.run(FILES.replace("MAKE", make), LIMITS).value

    assert (made, code) == (20, 28)  # ENOSPC


def test_many_files_together_are_limited_as_one_is(zygote):
    pieces, code = zygote.run(BYTES, LIMITS).value

    assert code == 28
    assert 28 <= pieces <= 32  # of 64 KiB; what a file is kept in counts, too


def test_the_next_guest_has_the_whole_room_again(zygote):
    zygote.run(BYTES, LIMITS)
    zygote.run(FILES.replace("MAKE", MAKES["files"]), LIMITS)
    code = textwrap.dedent("open('f', 'wb').write(bytes(2**20 + 2**19)); len(open('f', 'rb').read())")

    assert [zygote.run(code, LIMITS).value for _ in range(3)] == [MIB + MIB // 2] * 3


def test_without_a_quota_of_files_there_is_room_for_thousands():
    with BareZygote(Policy(scratch_files=None, scratch_bytes=None)) as zygote:
        code = FILES.replace("MAKE", MAKES["files"]).replace("1000", "6000") + "else:\n    result = made"

        assert zygote.run(code, LIMITS).value == 6000

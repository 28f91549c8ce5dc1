"""Memory for large payloads is writable and empty, whether the system has huge pages or not."""

from __future__ import annotations

import mmap

import pytest

from dspex_actors.workers import _memory
from dspex_actors.workers._memory import FROM, HUGE_PAGE, new_block

SIZES = [0, 1, FROM - 1, FROM, HUGE_PAGE, HUGE_PAGE + 1, 5 * HUGE_PAGE - 1]


@pytest.mark.parametrize("size", SIZES)
def test_a_block_is_writable_bytes_of_exactly_the_size_all_zero(size):
    block = new_block(size)

    assert (block.format, block.nbytes, block.readonly) == ("B", size, False)
    assert bytes(block) == bytes(size)
    block[:] = b"x" * size
    assert bytes(block) == b"x" * size


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="huge pages are asked for on Linux")
def test_a_large_block_is_a_mapping_of_whole_huge_pages():
    block = new_block(HUGE_PAGE + 1)

    assert type(block.obj) is mmap.mmap
    assert len(block.obj) == 2 * HUGE_PAGE


def test_two_blocks_share_no_memory():
    first, second = new_block(FROM), new_block(FROM)

    first[0] = 1

    assert second[0] == 0


def test_a_system_without_huge_pages_gives_plain_memory(monkeypatch):
    monkeypatch.setattr(_memory, "_MADV_HUGEPAGE", None)

    assert type(new_block(HUGE_PAGE).obj) is bytearray


def test_a_kernel_that_refuses_the_advice_gives_the_block_all_the_same(monkeypatch):
    monkeypatch.setattr(_memory, "_MADV_HUGEPAGE", 12345)

    assert bytes(new_block(FROM)) == bytes(FROM)


def test_memory_that_cannot_be_had_is_a_memory_error(monkeypatch):
    def refuse(*_args, **_options):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(_memory.mmap, "mmap", refuse)

    with pytest.raises(MemoryError, match=r"2097152 bytes: .*Cannot allocate"):
        new_block(HUGE_PAGE)

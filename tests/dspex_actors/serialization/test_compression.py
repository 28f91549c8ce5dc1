"""Compressed bodies come back, and no stream gives more than its header declares."""

from __future__ import annotations

import gzip
import subprocess
import sys
import textwrap
import zlib

import pytest
from backports import zstd

from dspex_actors.serialization import (
    CodecUnavailableError,
    Compression,
    MalformedError,
    SerializationError,
    Serializer,
    TooLargeError,
)
from dspex_actors.serialization._compression import compress, decompress, decompress_at_most

PACKED = [each for each in Compression if each is not Compression.NONE]
BODIES = [b"", b"x", b"abc" * 1000, bytes(range(256)) * 9000, b"\x00" * 5 * 2**20]


@pytest.mark.parametrize("how", Compression)
@pytest.mark.parametrize("index", range(len(BODIES)))
def test_a_body_comes_back_from_every_compression(how, index):
    assert decompress(compress(BODIES[index], how), how, len(BODIES[index])) == BODIES[index]


@pytest.mark.parametrize("how", Compression)
@pytest.mark.parametrize("off", [-1, 1, 2**33])
def test_a_body_that_is_not_of_its_declared_size_is_refused(how, off):
    with pytest.raises(MalformedError):
        decompress(compress(b"abc" * 1000, how), how, 3000 + off)


@pytest.mark.parametrize("how", PACKED)
def test_a_stream_cut_anywhere_is_refused(how):
    packed = compress(b"some text that is not repeated", how)

    for end in range(len(packed)):
        with pytest.raises(MalformedError):
            decompress(packed[:end], how, 30)


@pytest.mark.parametrize("how", PACKED)
def test_bytes_after_a_stream_or_a_second_stream_are_refused(how):
    packed = compress(b"abc", how)

    for more in (b"\x00", packed):
        with pytest.raises(MalformedError):
            decompress(packed + more, how, 3)
        with pytest.raises(MalformedError):
            decompress(packed + more, how, 6)


@pytest.mark.parametrize("how", PACKED)
def test_noise_is_not_taken_for_a_stream(how):
    with pytest.raises(MalformedError):
        decompress(b"\xff" * 100, how, 100)


@pytest.mark.parametrize("how", PACKED)
def test_a_stream_of_unknown_size_stops_at_the_bound(how):
    packed = compress(b"\x00" * 10**6, how)

    assert decompress_at_most(packed, how, 10**6) == b"\x00" * 10**6
    with pytest.raises(TooLargeError):
        decompress_at_most(packed, how, 10**6 - 1)
    with pytest.raises(MalformedError):
        decompress_at_most(packed[:-1], how, 10**6)


def test_gzip_is_what_other_programs_read_and_write():
    assert gzip.decompress(compress(b"abc", Compression.GZIP)) == b"abc"
    assert decompress(gzip.compress(b"abc", mtime=1), Compression.GZIP, 3) == b"abc"


def test_gzip_of_one_body_is_always_the_same_bytes():
    assert compress(b"abc", Compression.GZIP)[4:8] == bytes(4)  # no time in it


def test_a_frame_of_zstd_that_asks_for_a_great_window_is_refused():
    wide = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.compression_level: 1}
    packer = zstd.ZstdCompressor(options=wide)
    packed = packer.compress(b"x" * 100) + packer.flush()
    assert zstd.get_frame_info(packed).decompressed_size is None

    with pytest.raises(MalformedError):
        decompress(packed, Compression.ZSTD, 100)


def test_what_our_own_zstd_writes_never_asks_for_more_than_the_window_allowed():
    body = bytes(range(256)) * 2**16  # 16 MiB

    assert decompress(compress(body, Compression.ZSTD), Compression.ZSTD, len(body)) == body


BOMBS = {
    Compression.GZIP: zlib.compress(b"\x00" * 2**24, 9, wbits=31),
    Compression.LZ4: compress(b"\x00" * 2**24, Compression.LZ4),
    Compression.ZSTD: compress(b"\x00" * 2**24, Compression.ZSTD),
}


@pytest.mark.parametrize("how", PACKED)
def test_a_bomb_is_stopped_at_the_size_it_declares_for_itself(how):
    with pytest.raises(MalformedError):
        decompress(BOMBS[how], how, 1000)


@pytest.mark.integration
@pytest.mark.parametrize("how", PACKED)
def test_a_bomb_of_any_kind_takes_no_more_memory_than_its_bound(how):
    script = textwrap.dedent(f"""
        import pathlib, resource, sys, zlib
        from dspex_actors.serialization import Compression, SerializationError
        from dspex_actors.serialization._compression import compress, decompress
        how = Compression({how.value!r})
        bomb = compress(bytes(2**28), how)
        def peak():
            # Not getrusage's figure, which a forked child inherits from its parent.
            lines = pathlib.Path("/proc/self/status").read_text().splitlines()
            return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
        decompress(compress(b"warm", how), how, 4)
        pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        before = peak()
        try:
            decompress(bomb, how, 2**22)
        except SerializationError:
            print((peak() - before) // 1024)
    """)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 64  # MiB, of 256 that the bomb holds


def test_without_the_package_for_zstd_the_error_says_what_to_install(monkeypatch):
    data = Serializer(compression="zstd").dumps(1)
    monkeypatch.setitem(sys.modules, "backports", None)
    monkeypatch.setitem(sys.modules, "compression", None)

    for call in (lambda: Serializer(compression="zstd").dumps(1), lambda: Serializer().loads(data)):
        with pytest.raises(CodecUnavailableError, match=r"dspex-actors\[zstd\]") as caught:
            call()
        assert isinstance(caught.value, SerializationError)

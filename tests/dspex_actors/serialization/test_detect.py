"""What data is, by its first bytes; and reading bare data on that ground."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import zipfile

import numpy as np
import pytest

from dspex_actors.serialization import (
    Bounds,
    Compression,
    DataError,
    Kind,
    PickleRefusedError,
    Serializer,
    TooLargeError,
    UnknownFormatError,
    detect,
    loads_bare,
)
from dspex_actors.serialization import _etf as etf
from dspex_actors.serialization import _json as json_format
from dspex_actors.serialization import _msgpack as msgpack
from dspex_actors.serialization._compression import compress
from tests._same import same
from tests.dspex_actors.serialization._states import AGENT, COMPRESSIONS

PACKED = [each for each in COMPRESSIONS if each is not Compression.NONE]


def npy():
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


def zipped():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", "b")
    return file.getvalue()


SAMPLES = {
    Kind.ENVELOPE: [Serializer(format=each).dumps(AGENT) for each in ("msgpack", "json", "etf", "protobuf")],
    Kind.GZIP: [gzip.compress(b"x")],
    Kind.LZ4: [compress(b"x", Compression.LZ4)],
    Kind.ZSTD: [compress(b"x", Compression.ZSTD)],
    Kind.PICKLE: [pickle.dumps(AGENT, protocol) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)],
    Kind.ETF: [etf.encode(1), etf.encode(AGENT)],
    Kind.MSGPACK: [msgpack.encode(1), msgpack.encode(AGENT), msgpack.encode([{}])],
    Kind.JSON: [b"{}", b" \n[1]", json.dumps({"a": 1}, indent=2).encode(), json_format.encode(AGENT)],
    Kind.NPY: [npy()],
    Kind.ZIP: [zipped()],
    Kind.UNKNOWN: [
        b"",
        b"x",
        b"\x00" * 50,
        pickle.dumps([1], 0),
        b"\x80\x06",
        b"\x80",
        b" " * 100,
        b"DSP",
        b"\x1f",
    ],
}


@pytest.mark.parametrize("kind", Kind)
def test_data_is_told_by_its_first_bytes(kind):
    assert {detect(sample) for sample in SAMPLES[kind]} == {kind}


@pytest.mark.parametrize("encode", [msgpack.encode, json_format.encode, etf.encode])
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_bare_data_is_read_whatever_it_was_compressed_with(encode, compression):
    assert same(loads_bare(compress(encode(AGENT), compression)), AGENT)


@pytest.mark.parametrize("compression", PACKED)
def test_a_pickle_is_not_reached_through_compression_either(compression):
    with pytest.raises(PickleRefusedError):
        loads_bare(compress(pickle.dumps([1]), compression))


@pytest.mark.parametrize("kind", [Kind.ENVELOPE, Kind.NPY, Kind.ZIP, Kind.UNKNOWN])
def test_what_is_not_read_bare_is_named(kind):
    for sample in SAMPLES[kind]:
        with pytest.raises(UnknownFormatError, match=kind.value):
            loads_bare(sample)


def test_data_that_was_compressed_twice_is_not_read():
    with pytest.raises(UnknownFormatError, match="gzip"):
        loads_bare(gzip.compress(gzip.compress(b"{}")))


def test_bounds_hold_before_and_after_decompression():
    data = gzip.compress(b"[" + b"1," * 999 + b"1]")

    assert len(loads_bare(data, bounds=Bounds(stored_bytes=len(data), raw_bytes=2001))) == 1000
    with pytest.raises(TooLargeError, match="stored_bytes"):
        loads_bare(data, bounds=Bounds(stored_bytes=len(data) - 1))
    with pytest.raises(TooLargeError, match="raw_bytes"):
        loads_bare(data, bounds=Bounds(raw_bytes=2000))


def test_bare_data_that_is_not_what_it_looks_like_is_an_error():
    for data in (b"{", b"\x83", b"\x92\x10", b"\xdc", b"\x1f\x8b", b"[1,]"):
        with pytest.raises(DataError):
            loads_bare(data)

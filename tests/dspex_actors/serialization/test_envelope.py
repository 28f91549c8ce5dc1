"""An envelope is read only if every byte of it is the one that was written."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspex_actors import ConfigError
from dspex_actors.serialization import (
    ChecksumError,
    Compression,
    DataError,
    Format,
    Header,
    MalformedError,
    SerializationError,
    Serializer,
    SignatureError,
    TruncatedError,
    UnknownFormatError,
)
from dspex_actors.serialization._envelope import LEAST, seal
from dspex_actors.serialization._header import parse, render
from tests.dspex_actors.serialization._states import RING

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PLAIN = Serializer(compression="none")
SIGNED = Serializer(compression="none", signing=RING)
DATA = PLAIN.dumps({"a": [1, 2.5, "x"]}, schema_version="3", created_at=WHEN)
SIGNED_DATA = SIGNED.dumps({"a": [1, 2.5, "x"]}, schema_version="3", created_at=WHEN)


def test_an_envelope_is_laid_out_as_documented():
    size = int.from_bytes(DATA[5:9], "big")
    header, body, end = DATA[9 : 9 + size], DATA[9 + size : -32], DATA[-32:]

    assert DATA[:5] == b"DSPX\x01"
    assert json.loads(header) == {
        "compression": "none",
        "created_at": "2026-01-02T03:04:05+00:00",
        "format": "msgpack",
        "python": PLAIN.loads(DATA).header.python,
        "raw_size": len(body),
        "schema_version": "3",
        "sha256": sha256(body).hexdigest(),
        "size": len(body),
    }
    assert end == sha256(DATA[: 9 + size]).digest()


def test_what_is_said_about_a_value_comes_back_in_its_header():
    data = PLAIN.dumps(
        1, schema_version="2.0", module_version="1.4", dependencies={"numpy": "2.4"}, created_at=WHEN
    )

    header = PLAIN.read_header(data)

    assert header == PLAIN.loads(data).header
    assert (header.schema_version, header.module_version) == ("2.0", "1.4")
    assert (header.dependencies, header.created_at) == ({"numpy": "2.4"}, WHEN)
    assert (header.format, header.compression) == (Format.MSGPACK, Compression.NONE)


@pytest.mark.parametrize("data", [DATA, SIGNED_DATA], ids=["plain", "signed"])
def test_every_flip_of_a_single_bit_anywhere_is_found(data):
    serializer = SIGNED if data is SIGNED_DATA else PLAIN

    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SerializationError):
            serializer.loads(bytes(flipped))


@pytest.mark.parametrize("data", [DATA, SIGNED_DATA], ids=["plain", "signed"])
def test_an_envelope_cut_at_any_byte_is_torn(data):
    serializer = SIGNED if data is SIGNED_DATA else PLAIN

    for end in range(len(data)):
        with pytest.raises(TruncatedError) as caught:
            serializer.loads(data[:end])
        assert caught.value.expected > caught.value.actual


@pytest.mark.parametrize("more", [b"\x00", DATA])
def test_bytes_after_an_envelope_are_refused(more):
    with pytest.raises(DataError):
        PLAIN.loads(DATA + more)


def test_bytes_missing_in_the_middle_are_found():
    for at in range(9, len(DATA) - 1):
        with pytest.raises(DataError):
            PLAIN.loads(DATA[:at] + DATA[at + 1 :])


def test_a_changed_body_and_a_changed_header_are_told_apart():
    size = 9 + int.from_bytes(DATA[5:9], "big")
    body = DATA[:size] + bytes([DATA[size] ^ 1]) + DATA[size + 1 :]
    header = DATA.replace(b'"schema_version":"3"', b'"schema_version":"4"')

    for data, part in ((body, "body"), (header, "header")):
        with pytest.raises(ChecksumError) as caught:
            PLAIN.loads(data)
        assert caught.value.part == part
        assert caught.value.expected != caught.value.actual


def sealed(changes=None, *, body=b"\x92\x11\x01", text=None):
    """Return an envelope with a sound seal around a header that an honest writer would not write."""
    values = {
        "compression": "none",
        "format": "msgpack",
        "python": "3.11",
        "raw_size": len(body),
        "sha256": sha256(body).hexdigest(),
        "size": len(body),
    } | (changes or {})
    if text is None:
        text = json.dumps(
            {k: v for k, v in values.items() if v is not ...}, sort_keys=True, separators=(",", ":")
        )
    front = b"DSPX\x01" + len(text.encode()).to_bytes(4, "big") + text.encode()
    return front + body + sha256(front).digest()


def test_the_writer_of_hostile_headers_writes_a_sound_one_too():
    assert PLAIN.loads(sealed()).value == 1


HOSTILE = {
    "a field that is unknown": {"extra": 1},
    "no format": {"format": ...},
    "no checksum": {"sha256": ...},
    "an unknown format": {"format": "yaml"},
    "a format that is a list": {"format": ["json"]},
    "an unknown compression": {"compression": "xz"},
    "another format than the body has": {"format": "json"},
    "a raw size that is wrong": {"raw_size": 4},
    "a raw size that is negative": {"raw_size": -1},
    "a raw size that is a float": {"raw_size": 3.0},
    "a raw size that is true": {"raw_size": True},
    "a raw size beyond all memory": {"raw_size": 2**53 + 1},
    "a size that is wrong": {"size": 2},
    "a version of Python that is none": {"python": "3"},
    "a checksum that is none": {"sha256": "0" * 63},
    "a checksum in capitals": {"sha256": sha256(b"\x92\x11\x01").hexdigest().upper()},
    "a schema version that is a number": {"schema_version": 3},
    "a schema version that is long": {"schema_version": "x" * 257},
    "dependencies that are a list": {"dependencies": ["numpy"]},
    "dependencies that are not texts": {"dependencies": {"numpy": 2}},
    "dependencies without end": {"dependencies": {str(n): "1" for n in range(257)}},
    "dependencies that are empty": {"dependencies": {}},
    "a time without a zone": {"created_at": "2026-01-02T03:04:05"},
    "a time in another form": {"created_at": "2026-01-02 03:04:05+00:00"},
    "a time that is none": {"created_at": "yesterday"},
    "a null": {"schema_version": None},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_header_with_a_sound_seal_is_refused_if_it_has(name):
    with pytest.raises(MalformedError):
        PLAIN.loads(sealed(HOSTILE[name]))


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", "{", '"' * 9, "[" * 60_000, '{"format":"json"} ', "\ud7ff" * 9, "1" * 9999],
)
def test_a_header_that_is_no_header_is_malformed(text):
    with pytest.raises(MalformedError):
        PLAIN.loads(sealed(text=text))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(",", ", ", 1),
        lambda text: text.replace("{", '{"size":3,', 1),
        lambda text: text.replace("none", "n\\u006fne"),
        lambda text: "{" + ",".join(reversed(text[1:-1].split(","))) + "}",
    ],
)
def test_a_header_has_one_form_only(change):
    text = render(PLAIN.read_header(sealed())).decode()

    assert PLAIN.loads(sealed(text=text)).value == 1
    with pytest.raises(MalformedError):
        PLAIN.loads(sealed(text=change(text)))


def test_a_header_of_the_largest_size_is_written_and_read_and_one_byte_more_is_not():
    def written(spare):
        versions = {f"{n:0250}": "v" * min(256, max(0, spare - 256 * n)) for n in range(253)}
        return PLAIN.dumps(1, dependencies=versions)

    spare = 64 * 1024 - int.from_bytes(written(0)[5:9], "big")

    assert 0 < spare < 2560
    assert PLAIN.loads(written(spare)).value == 1
    with pytest.raises(DataError, match="at most 65536"):
        written(spare + 1)


def test_a_declared_header_beyond_the_largest_size_is_refused_before_it_is_looked_for():
    with pytest.raises(MalformedError, match="at most 65536"):
        PLAIN.loads(b"DSPX\x01\xff\xff\xff\xff" + bytes(LEAST))


def test_another_version_of_the_envelope_is_named():
    with pytest.raises(MalformedError, match="version 2"):
        PLAIN.loads(b"DSPX\x02" + DATA[5:])


@pytest.mark.parametrize(
    ("data", "seen"), [(b'{"a":1}', "bare json"), (b"\x83a\x01", "bare etf"), (b"\x80\x05.", "pickle")]
)
def test_bare_data_where_an_envelope_should_be_is_named(data, seen):
    with pytest.raises(UnknownFormatError, match=seen):
        PLAIN.loads(data)


def test_noise_where_an_envelope_should_be_is_malformed():
    with pytest.raises(MalformedError, match="DSPX"):
        PLAIN.loads(b"\x00" * 100)


@pytest.mark.parametrize(
    "about",
    [
        {"schema_version": 3},
        {"module_version": "x" * 257},
        {"dependencies": {"numpy": None}},
        {"dependencies": {1: "a"}},
        {"created_at": datetime(2026, 1, 1)},  # noqa: DTZ001 -- naive on purpose
    ],
)
def test_what_no_header_can_hold_is_refused_when_it_is_written(about):
    with pytest.raises(ConfigError):
        PLAIN.dumps(1, **about)


texts = st.none() | st.text(max_size=256)
headers = st.builds(
    Header,
    format=st.sampled_from(Format),
    compression=st.sampled_from(Compression),
    python=st.sampled_from(["3.11", "3.13"]),
    raw_size=st.integers(0, 2**53),
    size=st.integers(0, 2**53),
    sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
    key_id=st.none() | st.just("a.B-_9"),
    encryption_key_id=st.none() | st.just("k" * 64),
    schema_version=texts,
    module_version=texts,
    dependencies=st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=3),
    created_at=st.none() | st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-3))])),
)


@given(header=headers)
@settings(max_examples=70, deadline=None)
def test_a_header_that_is_written_is_read_as_the_same(header):
    assert parse(render(header)) == header


def test_a_signature_stripped_off_is_not_taken_for_a_plain_envelope():
    header = PLAIN.read_header(DATA)
    body = DATA[9 + int.from_bytes(DATA[5:9], "big") : -32]

    with pytest.raises(SignatureError, match="not signed"):
        SIGNED.loads(seal(header, body, None))

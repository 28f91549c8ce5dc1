"""The header that most envelopes have takes a short way in and out; both ways agree about every text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspex_actors.serialization import Compression, Format, Header, MalformedError
from dspex_actors.serialization import _header as module

NEVER = re.compile(rb"(?!)")
SHORT_WAY = module._USUAL

headers = st.builds(
    Header,
    format=st.sampled_from(Format),
    compression=st.sampled_from(Compression),
    python=st.sampled_from(["3.11", "3.9", "12.345"]),
    raw_size=st.integers(0, 2**53),
    size=st.integers(0, 2**53),
    sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
    key_id=st.none() | st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True),
    schema_version=st.none() | st.text(max_size=3),
)


def parsed(data, pattern):
    """Return what a text is read as with this pattern for the short way."""
    module._USUAL = pattern
    try:
        return module.parse(data)
    except MalformedError:
        return None
    finally:
        module._USUAL = SHORT_WAY


@given(header=headers)
@settings(max_examples=50, deadline=None)
def test_every_header_is_read_as_it_was_written_on_both_ways(header):
    data = module.render(header)
    assert parsed(data, SHORT_WAY) == parsed(data, NEVER) == header


@given(header=headers, place=st.integers(0, 200), byte=st.integers(0, 255))
@settings(max_examples=200, deadline=None)
def test_a_text_that_was_changed_is_read_alike_on_both_ways(header, place, byte):
    data = bytearray(module.render(header))
    data[place % len(data)] = byte
    assert parsed(bytes(data), SHORT_WAY) == parsed(bytes(data), NEVER)


@pytest.mark.parametrize("size", ["00", "01", "-1", "1.0", "1e3", "9007199254740993"])
def test_a_size_in_another_form_than_it_is_written_is_refused_on_both_ways(size):
    header = Header(
        format=Format.JSON, compression=Compression.NONE, python="3.11", raw_size=7, size=7, sha256="0" * 64
    )
    data = module.render(header).replace(b'"raw_size":7', f'"raw_size":{size}'.encode())
    assert parsed(data, SHORT_WAY) is parsed(data, NEVER) is None

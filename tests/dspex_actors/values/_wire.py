"""Frames as a hostile sender writes them, and what decoding them gives."""

from __future__ import annotations

import struct

from dspex_actors._errors import ValueDecodeError
from dspex_actors.values import decode

HEAD = b"\x92\x10"
PLAIN_HEAD = b"\x92\x11"


def outcome(structure, buffers=(), **options):
    """Return the decoded value, or the error; any other exception fails the test."""
    try:
        return decode(structure, buffers, **options)
    except ValueDecodeError as error:
        return error


def refused(structure, buffers=(), **options) -> str:
    error = outcome(structure, buffers, **options)
    assert type(error) is ValueDecodeError
    return error.reason


def ext(code, payload):
    return b"\xc9" + struct.pack(">IB", len(payload), code) + payload


def array32(count, items):
    return b"\xdd" + struct.pack(">I", count) + items


def map32(count, items):
    return b"\xdf" + struct.pack(">I", count) + items

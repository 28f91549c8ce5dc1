"""A pickle is loaded only where it is allowed, by whom it is known, and in the Python that wrote it."""

from __future__ import annotations

import os
import pickle
import sys
from dataclasses import replace
from hashlib import sha256

import pytest

from dspex_actors import ConfigError, ValueEncodeError
from dspex_actors.serialization import (
    Bounds,
    KeyRing,
    MalformedError,
    PickleRefusedError,
    Serializer,
    SignatureError,
    TooLargeError,
    UnknownFormatError,
    loads_bare,
)
from dspex_actors.serialization._envelope import seal
from dspex_actors.serialization._pickle import AUDIT_EVENT, PYTHON
from tests._same import same
from tests.dspex_actors.serialization._states import AGENT, COMPRESSIONS, NEW, OLD, RING

SIGNED = Serializer(format="pickle", allow_pickle=True, signing=RING)
TRUSTED = Serializer(format="pickle", allow_pickle=True, trusted=True, compression="none")

ran = []


def note(word):
    ran.append(word)


class Bomb:
    """Notes that it was loaded."""

    def __reduce__(self):
        return note, ("loaded",)


@pytest.fixture(autouse=True)
def nothing_ran():
    ran.clear()


def of_python(version, signing=None):
    """Return an envelope with the bomb that says that `version` wrote it."""
    header = replace(TRUSTED.read_header(TRUSTED.dumps(Bomb())), python=version)
    body = pickle.dumps(Bomb())
    if signing is not None:
        header = replace(header, key_id=signing.current)
    return seal(
        replace(header, size=len(body), raw_size=len(body), sha256=sha256(body).hexdigest()), body, signing
    )


def test_objects_of_any_kind_come_back_from_a_signed_pickle():
    back = SIGNED.loads(SIGNED.dumps({"f": lambda x: x + 1, "cls": type("C", (), {"a": 1})})).value

    assert (back["f"](1), back["cls"]().a) == (2, 1)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_nested_state_comes_back_exactly_from_a_pickle_in_every_compression(compression):
    serializer = replace(SIGNED, compression=compression)

    assert same(serializer.loads(serializer.dumps(AGENT)).value, AGENT)


def test_a_pickle_that_is_allowed_and_trusted_does_run():
    TRUSTED.loads(TRUSTED.dumps(Bomb()))
    SIGNED.loads(SIGNED.dumps(Bomb()))

    assert ran == ["loaded", "loaded"]


@pytest.mark.parametrize(
    ("reader", "error"),
    [
        (Serializer(signing=RING), PickleRefusedError),
        (Serializer(signing=RING, trusted=True), PickleRefusedError),
        (Serializer(allow_pickle=True), SignatureError),
        (Serializer(allow_pickle=True, trusted=True), SignatureError),
        (Serializer(allow_pickle=True, signing=KeyRing({"new": OLD})), SignatureError),
        (Serializer(allow_pickle=True, signing=KeyRing({"other": NEW})), SignatureError),
    ],
    ids=["not allowed", "trusted, not allowed", "no keys", "trusted, no keys", "wrong secret", "unknown key"],
)
def test_a_signed_pickle_is_refused_by_a_reader_that_is(reader, error):
    data = SIGNED.dumps(Bomb())

    with pytest.raises(error):
        reader.loads(data)

    assert ran == []


@pytest.mark.parametrize(
    ("reader", "error"),
    [
        (Serializer(), PickleRefusedError),
        (Serializer(trusted=True), PickleRefusedError),
        (Serializer(allow_pickle=True), PickleRefusedError),
        (Serializer(allow_pickle=True, signing=RING), SignatureError),
        (Serializer(allow_pickle=True, signing=RING, accept_unsigned=True), PickleRefusedError),
    ],
    ids=["not allowed", "trusted, not allowed", "not trusted", "with keys", "lenient, with keys"],
)
def test_an_unsigned_pickle_is_refused_by_a_reader_that_is(reader, error):
    data = TRUSTED.dumps(Bomb())

    with pytest.raises(error):
        reader.loads(data)

    assert ran == []


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.99", "2.7", "4.0"])
def test_a_pickle_of_another_minor_version_is_refused_even_if_trusted_or_signed(version):
    for reader, signing in ((TRUSTED, None), (SIGNED, RING)):
        with pytest.raises(PickleRefusedError, match=version):
            reader.loads(of_python(version, signing=signing))

    assert ran == []


def test_the_same_bytes_that_name_this_minor_version_are_loaded():
    assert TRUSTED.loads(of_python(PYTHON)).value is None
    assert len(ran) == 1


def test_a_signed_pickle_with_one_bit_changed_is_not_loaded():
    data = bytearray(SIGNED.dumps(Bomb()))
    data[-40] ^= 1

    with pytest.raises(Exception, match="SHA-256"):
        SIGNED.loads(bytes(data))

    assert ran == []


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_bare_pickle_of_any_protocol_is_never_loaded(protocol):
    data = pickle.dumps(Bomb(), protocol)

    with pytest.raises((PickleRefusedError, UnknownFormatError)):
        loads_bare(data)
    with pytest.raises(Exception, match=r"pickle|envelope"):
        TRUSTED.loads(data)

    assert ran == []


@pytest.mark.parametrize(
    "settings",
    [{}, {"allow_pickle": True}, {"trusted": True}, {"signing": RING}],
    ids=["alone", "allowed", "trusted", "signed"],
)
def test_the_format_pickle_has_to_be_allowed_and_signed_or_trusted(settings):
    with pytest.raises(ConfigError, match="allow_pickle"):
        Serializer(format="pickle", **settings)


def test_each_load_of_a_pickle_raises_an_audit_event_with_its_header_first():
    seen = []
    active = [True]

    def hook(event, args):
        if active and event == AUDIT_EVENT:
            seen.append((args[0].key_id, len(ran)))

    sys.addaudithook(hook)  # there is no way to remove one
    SIGNED.loads(SIGNED.dumps(print))
    TRUSTED.loads(of_python(PYTHON))
    with pytest.raises(PickleRefusedError):
        Serializer().loads(TRUSTED.dumps(Bomb()))
    active.clear()

    assert seen == [("new", 0), (None, 0)]


def test_what_cannot_be_pickled_is_refused_with_the_reason():
    with open(os.devnull, "rb") as file, pytest.raises(ValueEncodeError, match="pickle"):  # noqa: PTH123 -- a plain one
        SIGNED.dumps(file)


def test_a_pickle_that_fails_to_load_is_malformed_and_keeps_its_cause():
    class Failing:
        def __reduce__(self):
            return int, ("no number",)

    with pytest.raises(MalformedError, match="ValueError") as caught:
        TRUSTED.loads(TRUSTED.dumps(Failing()))

    assert isinstance(caught.value.__cause__, ValueError)


def test_a_pickle_beyond_the_bound_is_neither_written_nor_read():
    small = replace(TRUSTED, bounds=Bounds(raw_bytes=1000))

    for call in (lambda: small.dumps("x" * 1000), lambda: small.loads(TRUSTED.dumps("x" * 1000))):
        with pytest.raises(TooLargeError, match="raw_bytes"):
            call()

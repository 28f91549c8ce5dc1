"""Whose data is read: signatures, keys that are changed, and encryption."""

from __future__ import annotations

import copy
import hmac
import pickle
import sys
from hashlib import sha256

import pytest

from dspex_actors import ConfigError
from dspex_actors.serialization import CodecUnavailableError, KeyRing, Serializer, SignatureError
from dspex_actors.serialization._keys import OVERHEAD
from tests.dspex_actors.serialization._states import NEW, OLD, RING

BEFORE = Serializer(signing=KeyRing({"old": OLD}))
AFTER = Serializer(signing=RING)
SECRET = Serializer(encryption=KeyRing({"at-rest": NEW}), compression="none")


def test_a_signature_is_the_hmac_of_all_before_the_body():
    data = BEFORE.dumps([1])
    front = data[: 9 + int.from_bytes(data[5:9], "big")]

    assert data[-32:] == hmac.digest(OLD, front, sha256)
    assert BEFORE.loads(data).header.key_id == "old"


def test_after_a_new_key_is_put_in_front_old_data_is_read_and_new_data_is_signed_with_it():
    assert AFTER.loads(BEFORE.dumps([1])).value == [1]
    assert AFTER.loads(AFTER.dumps([1])).header.key_id == "new"


def test_data_of_a_dropped_or_unknown_key_is_refused_with_its_name():
    with pytest.raises(SignatureError, match="'new'") as caught:
        BEFORE.loads(AFTER.dumps([1]))

    assert caught.value.key_id == "new"


def test_a_key_of_the_same_name_with_another_secret_is_refused():
    other = Serializer(signing=KeyRing({"old": NEW}))

    with pytest.raises(SignatureError, match="did not sign"):
        other.loads(BEFORE.dumps([1]))


def test_a_reader_with_keys_refuses_what_is_not_signed_unless_it_is_told_otherwise():
    data = Serializer().dumps([1])
    lenient = Serializer(signing=RING, accept_unsigned=True)

    with pytest.raises(SignatureError, match="not signed"):
        AFTER.loads(data)
    assert lenient.loads(data).value == [1]
    assert lenient.loads(lenient.dumps([1])).header.key_id == "new"


def test_a_lenient_reader_still_refuses_a_signature_that_is_wrong():
    lenient = Serializer(signing=KeyRing({"old": NEW}), accept_unsigned=True)

    with pytest.raises(SignatureError):
        lenient.loads(BEFORE.dumps([1]))


def test_a_reader_without_keys_refuses_what_is_signed():
    with pytest.raises(SignatureError, match="no keys"):
        Serializer().loads(BEFORE.dumps([1]))


def test_a_body_exchanged_for_that_of_another_signed_envelope_is_refused():
    left, right = BEFORE.dumps([1]), BEFORE.dumps([2])
    start = 9 + int.from_bytes(left[5:9], "big")

    assert len(left) == len(right)
    with pytest.raises(Exception, match="SHA-256"):
        BEFORE.loads(left[:start] + right[start:-32] + left[-32:])


def test_what_is_encrypted_comes_back_and_does_not_show():
    data = SECRET.dumps({"password": "correct horse"}, schema_version="3")

    assert b"correct horse" not in data
    assert SECRET.loads(data).value == {"password": "correct horse"}
    assert SECRET.loads(data).header.encryption_key_id == "at-rest"


def test_equal_values_are_encrypted_to_different_bytes():
    first, second = SECRET.dumps([1]), SECRET.dumps([1])

    assert first != second
    assert SECRET.loads(first).value == SECRET.loads(second).value == [1]


def test_encryption_adds_a_nonce_and_a_tag():
    clear = Serializer(compression="none").read_header(Serializer(compression="none").dumps([1]))

    header = SECRET.read_header(SECRET.dumps([1]))

    assert header.size == clear.size + OVERHEAD == clear.size + 28


def test_old_data_can_be_decrypted_after_the_key_was_changed():
    changed = Serializer(encryption=KeyRing({"next": OLD, "at-rest": NEW}))

    assert changed.loads(SECRET.dumps([1])).value == [1]
    with pytest.raises(SignatureError, match="'next'"):
        SECRET.loads(changed.dumps([1]))


def test_encrypted_data_is_refused_without_keys_and_with_a_wrong_one():
    for ring, words in ((None, "no keys"), (KeyRing({"at-rest": OLD}), "did not encrypt")):
        with pytest.raises(SignatureError, match=words):
            Serializer(encryption=ring).loads(SECRET.dumps([1]))


def test_a_header_that_was_changed_and_sealed_anew_does_not_decrypt():
    data = SECRET.dumps([1], schema_version="3")
    size = 9 + int.from_bytes(data[5:9], "big")
    front = data[:size].replace(b'"schema_version":"3"', b'"schema_version":"4"')

    assert front != data[:size]
    with pytest.raises(SignatureError, match="changed"):
        SECRET.loads(front + data[size:-32] + sha256(front).digest())


def test_an_encrypted_body_shorter_than_nonce_and_tag_is_refused():
    data = SECRET.dumps([1])
    size = 9 + int.from_bytes(data[5:9], "big")
    header = SECRET.read_header(data)
    for length in (0, 5, 12, 27):
        body = data[size : size + length]
        front = data[9:size].replace(header.sha256.encode(), sha256(body).hexdigest().encode())
        front = front.replace(f'"size":{header.size}'.encode(), f'"size":{length}'.encode())
        front = data[:5] + len(front).to_bytes(4, "big") + front
        with pytest.raises(SignatureError):
            SECRET.loads(front + body + sha256(front).digest())


def test_signing_and_encryption_go_together():
    both = Serializer(signing=RING, encryption=KeyRing({"at-rest": NEW}))

    assert both.loads(both.dumps([1])).value == [1]
    with pytest.raises(SignatureError):
        Serializer(signing=RING).loads(both.dumps([1]))
    with pytest.raises(SignatureError):
        both.loads(SECRET.dumps([1]))


def test_secrets_are_shown_by_no_repr_and_written_by_no_pickle():
    serializer = Serializer(signing=RING, encryption=RING)

    assert repr(RING) == "KeyRing(new, old)"
    assert repr(NEW)[2:8] not in repr(serializer)
    for copier in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="secrets"):
            copier(RING)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"": NEW},
        {"a b": NEW},
        {"x" * 65: NEW},
        {"a": NEW[:31]},
        {"a": NEW + b"x"},
        {"a": "text" * 8},
        {1: NEW},
    ],
)
def test_a_ring_takes_names_of_plain_letters_and_secrets_of_just_32_bytes(keys):
    with pytest.raises(ConfigError) as caught:
        KeyRing(keys)

    assert NEW.hex() not in str(caught.value)
    assert repr(NEW)[2:12] not in str(caught.value)


def test_a_ring_keeps_its_keys_when_the_dict_is_changed():
    keys = {"a": NEW}
    ring = KeyRing(keys)
    keys.clear()

    assert ring.secret("a") == NEW


def test_without_the_package_for_encryption_the_error_says_what_to_install(monkeypatch):
    data = SECRET.dumps([1])
    for name in [name for name in sys.modules if name.partition(".")[0] == "cryptography"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "cryptography", None)

    for call in (lambda: SECRET.dumps([1]), lambda: SECRET.loads(data)):
        with pytest.raises(CodecUnavailableError, match=r"dspex-actors\[crypto\]"):
            call()

"""What was stored once can still be read: envelopes that the first version of the package wrote.

The files are never made anew. A change that cannot read them needs a new version of the envelope or format.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dspex_actors.serialization import Format, KeyRing, PickleRefusedError, Serializer, content_hash
from dspex_actors.serialization._pickle import PYTHON
from tests._same import same
from tests.dspex_actors.serialization._states import AGENT, COMPRESSIONS, DATA_FORMATS, NEW, RING

FOLDER = Path(__file__).parent / "golden"
ABOUT = {
    "schema_version": "3",
    "module_version": "1.2.0",
    "dependencies": {"numpy": "2.4.6"},
    "created_at": datetime(2026, 11, 26, tzinfo=UTC),
}
PLAIN = {
    f"{format_.value}-{compression.value}": (format_, compression)
    for format_, compression in zip(DATA_FORMATS, COMPRESSIONS, strict=True)
}


@pytest.mark.parametrize("name", PLAIN)
def test_an_envelope_of_the_first_version_still_loads(name):
    loaded = Serializer().load(FOLDER / f"{name}.dspx")

    assert same(loaded.value, AGENT)
    assert (loaded.header.format, loaded.header.compression) == PLAIN[name]
    assert {field: getattr(loaded.header, field) for field in ABOUT} == ABOUT


def test_a_signed_and_encrypted_envelope_of_the_first_version_still_loads():
    reader = Serializer(signing=RING, encryption=KeyRing({"at-rest": NEW}))

    assert same(reader.load(FOLDER / "signed-encrypted.dspx").value, AGENT)


@pytest.mark.parametrize("minor", ["3.11", "3.12", "3.13"])
def test_a_signed_pickle_of_each_minor_version_of_python_is_loaded_by_that_one_alone(minor):
    reader = Serializer(format="pickle", allow_pickle=True, signing=RING)
    path = FOLDER / f"pickle-{minor}.dspx"

    if minor == PYTHON:
        value = reader.load(path).value
        assert (value["next"](1), value["seen"], value["python"]) == (2, {1, "1", (2, 3)}, minor)
        return
    with pytest.raises(PickleRefusedError, match=minor):
        reader.load(path)


def test_every_format_has_a_file_that_is_kept():
    kept = {path.name.partition("-")[0] for path in FOLDER.iterdir()}

    assert kept == {format_.value for format_ in Format} | {"signed"}


def test_the_hash_of_what_was_stored_is_still_that_of_the_state():
    for name in PLAIN:
        assert content_hash(Serializer().load(FOLDER / f"{name}.dspx").value) == content_hash(AGENT)

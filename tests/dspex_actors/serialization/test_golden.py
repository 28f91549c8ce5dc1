"""What was stored once can still be read: envelopes that the first version of the package wrote.

The files are never made anew. A change that cannot read them needs a new version of the envelope or format.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dspex_actors.serialization import Format, KeyRing, Serializer, content_hash
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


def test_every_format_but_pickle_has_a_file_that_is_kept():
    kept = {path.name.partition("-")[0] for path in FOLDER.iterdir()}

    assert kept == {format_.value for format_ in Format if format_ is not Format.PICKLE} | {"signed"}


def test_the_hash_of_what_was_stored_is_still_that_of_the_state():
    for name in PLAIN:
        assert content_hash(Serializer().load(FOLDER / f"{name}.dspx").value) == content_hash(AGENT)

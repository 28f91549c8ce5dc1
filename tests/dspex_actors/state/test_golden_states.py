"""What was stored once can still be read: databases that the first version of the package made.

The files are never made anew. A change that cannot read them needs a new version of the layout, and a step to
it. Redis and Postgres keep the same rows and bodies; which layout they have is written down there.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dspex_actors.state import FileSystem, Memory, Sqlite, StateDeletedError, States, StoreConfig
from tests._same import same

FOLDER = Path(__file__).parent / "golden"
KEPT = [{"step": 1, "seen": {1, "1", (2, 3)}}, {"step": 2, "big": 2**70, "pair": ("a", b"b")}]


def opened(kind, folder):
    """Open a copy of what is kept: a store that only reads may still write beside its database."""
    config = StoreConfig(versioning="semantic")
    match kind:
        case "sqlite":
            shutil.copy(FOLDER / "states.db", folder)
            return States.open(Sqlite(path=folder / "states.db"), config)
        case "file_system":
            shutil.copytree(FOLDER / "files", folder / "files")
            return States.open(FileSystem(path=folder / "files"), config)
    states = States.open(Memory(), config)
    states.import_(FOLDER / "export.dspx")
    return states


@pytest.mark.parametrize("kind", ["sqlite", "file_system", "export"])
def test_what_the_first_version_stored_is_still_all_there_and_goes_on(tmp_path, kind):
    with opened(kind, tmp_path) as states:
        versions = states.list_versions("agent/7")[::-1]
        found = [(v.label, v.schema_version, dict(v.metadata)) for v in versions]
        assert found == [("1.0.0", "1", {"number": 0}), ("1.0.1", "1", {"number": 1})]
        assert all(same(states.load("agent/7", n + 1).state, state) for n, state in enumerate(KEPT))
        snapshot = states.get_snapshot("first")
        assert (snapshot.items, snapshot.metadata) == ({"agent/7": 1}, {"why": "kept"})
        with pytest.raises(StateDeletedError):
            states.load("gone")
        assert states.verify().sound
        assert states.save("agent/7", 3, expected=2).label == "1.0.2"

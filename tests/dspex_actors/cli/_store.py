"""A store as the tests of the command find it, and the command in this process."""

from __future__ import annotations

import json

from dspex_actors.cli import main
from dspex_actors.state import FileSystem, Sqlite, States, StoreConfig

BACKENDS = {"sqlite": Sqlite, "file": FileSystem}


def filled(kind, path, **settings):
    """Fill a store with three ids, one of them deleted, and a snapshot; return its address."""
    config = StoreConfig(versioning="incremental", **settings)
    with States.open(BACKENDS[kind](path=path), config) as states:
        states.save("agent", {"step": 1, "seen": {1}}, metadata={"by": "me"}, schema_version="2")
        states.save("agent", {"step": 2, "seen": {1, 2}})
        states.save("odd\nname", [1.5])
        states.save("gone", "x")
        states.delete("gone")
        states.create_snapshot("release", {"agent": 1})
    return f"{kind}:{path}"


def ended(*arguments):
    """Run `dspex-actors state` in this process; return its exit code, argparse's own included."""
    try:
        return main(["state", *map(str, arguments)])
    except SystemExit as leave:
        return leave.code


def said(capsys, *arguments):
    """Run it; return exit code, the lines of its output and its complaint."""
    code = ended(*arguments)
    captured = capsys.readouterr()
    return code, captured.out.splitlines(), captured.err


def plain(capsys, *arguments):
    """Run it with `--json`; return exit code and data."""
    code = ended(*arguments, "--json")
    captured = capsys.readouterr()
    assert captured.err == ""
    return code, json.loads(captured.out)


def damage(path, old, new):
    """Replace bytes of a SQLite file, with all of it in the file."""
    content = path.read_bytes()
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, new))

"""Programs that use a store in processes of their own, and how to run them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from dspex_actors.state import FileSystem, Sqlite

ROOT = Path(__file__).parents[3]

OPEN = {
    "sqlite normal": "Sqlite(path=sys.argv[1])",
    "sqlite full": "Sqlite(path=sys.argv[1], durability='full')",
    "file_system": "FileSystem(path=sys.argv[1])",
    "file_system unflushed": "FileSystem(path=sys.argv[1], flush=False)",
}

HEAD = """
import sys
from dspex_actors.state import FileSystem, Sqlite, States, StoreConfig, VersionConflictError, StorageFullError

def content(name, number):
    return {"name": name, "number": number, "filling": bytes([number % 256]) * SIZE}
"""

# Saves for ever and says of each save, once it is acknowledged, which one it was.
WRITER = """
SIZE = 2 ** 15
with States.open(BACKEND, StoreConfig(versioning="incremental")) as states:
    for number in range(1, 10**9):
        futures = [states.submit_save(name, content(name, number)) for name in "abc"]
        for name, future in zip("abc", futures):
            sys.stdout.write(f"{name} {future.result().revision}\\n")
            sys.stdout.flush()
        if number % 4 == 0:
            states.create_snapshot(f"s{number}")
            sys.stdout.write(f"snapshot s{number}\\n")
            sys.stdout.flush()
"""

# The same, and removes all but the three newest versions now and then, with a snapshot that holds more.
PRUNER = """
from dspex_actors.state import Retention
SIZE = 2 ** 12
with States.open(BACKEND, StoreConfig(versioning="incremental")) as states:
    for number in range(1, 10**9):
        sys.stdout.write(f"a {states.save('a', content('a', number)).revision}\\n")
        sys.stdout.flush()
        if number % 7 == 0:
            states.create_snapshot(f"s{number}")
            states.prune(Retention(versions=3))
"""

# Counts to argv[2] in steps of one, each on what it has read, and says how often somebody else was quicker.
COUNTER = """
with States.open(BACKEND) as states:
    sys.stdin.readline()
    done = conflicts = 0
    while done < int(sys.argv[2]):
        loaded = states.load("counter")
        try:
            states.save("counter", loaded.state + 1, expected=loaded.revision)
        except VersionConflictError:
            conflicts += 1
        else:
            done += 1
    print(conflicts)
"""

# Fills a file system of 4 MiB until it is full, then says what is there.
FILLER = """
import os, subprocess
SIZE = 2 ** 16
os.mkdir("/tmp/full") if not os.path.isdir("/tmp/full") else None
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", "/tmp/full"], check=True)
sys.argv[1:] = ["/tmp/full/states"]
import secrets
with States.open(BACKEND) as states:
    kept = []
    while True:
        noise = secrets.token_bytes(SIZE)
        try:
            kept.append((states.save("a", noise).revision, noise))
        except StorageFullError as error:
            print(type(error).__name__, error.written)
            break
    assert len(kept) > 10
    intact = all(states.load("a", revision).state == noise for revision, noise in kept)
    print("intact", intact, states.load("a").revision == kept[-1][0], states.verify().sound)
    subprocess.run(["mount", "-o", "remount,size=64m", "/tmp/full"], check=True)
    print("after", states.save("a", b"more").revision == kept[-1][0] + 1)
"""


def program(body, kind):
    """Return the text of a program that uses one kind of backend."""
    return textwrap.dedent(HEAD) + body.replace("BACKEND", OPEN[kind])


def backend(kind, path):
    """Return the same backend for this process."""
    if kind.startswith("sqlite"):
        return Sqlite(path=path, durability=kind.split()[1])
    return FileSystem(path=path, flush=kind == "file_system")


def start(text, *args, before=()):
    """Start a program with pipes to and from it."""
    return subprocess.Popen(
        [*before, sys.executable, "-c", text, *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )

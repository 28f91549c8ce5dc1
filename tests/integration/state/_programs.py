"""Programs that use a store in processes of their own, and how to run them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from tests.integration.state._kinds import source_of

ROOT = Path(__file__).parents[3]

HEAD = """
import sys
from dspex_actors.state import FileSystem, Postgres, Redis, Sqlite
from dspex_actors.state import Retention, States, StorageFullError, StoreConfig

def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\\n")
    sys.stdout.flush()

def content(name, number):
    return {"name": name, "number": number, "filling": bytes([number % 256]) * SIZE}
"""

# Saves for ever and says of each save, once it is acknowledged, which one it was.
WRITER = """
SIZE = 2 ** 15
say("begins")
with States.open(BACKEND, StoreConfig(versioning="incremental")) as states:
    for number in range(1, 10**9):
        futures = [states.submit_save(name, content(name, number)) for name in "abc"]
        for name, future in zip("abc", futures):
            say(name, future.result().revision)
        if number % 4 == 0:
            states.create_snapshot(f"s{number}")
            say("snapshot", f"s{number}")
"""

# The same, and removes all but the three newest versions now and then, with a snapshot that holds more.
PRUNER = """
SIZE = 2 ** 12
say("begins")
with States.open(BACKEND, StoreConfig(versioning="incremental")) as states:
    for number in range(1, 10**9):
        say("a", states.save("a", content("a", number)).revision)
        if number % 7 == 0:
            states.create_snapshot(f"s{number}")
            say("snapshot", f"s{number}")
            states.prune(Retention(versions=3))
"""

# Counts up together with others, once it is told to; says how often somebody else was quicker.
COUNTER = """
from tests.integration.state._counting import count_up
with States.open(BACKEND) as states:
    states.load("a")
    say("ready")
    sys.stdin.readline()
    say(count_up(states, int(sys.argv[1])))
"""

# Fills a file system of 4 MiB until it is full, then says what is there.
FILLER = """
import os, secrets, subprocess
SIZE = 2 ** 16
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", sys.argv[1]], check=True)
with States.open(BACKEND) as states:
    kept = []
    while True:
        noise = secrets.token_bytes(SIZE)
        try:
            kept.append((states.save("a", noise).revision, noise))
        except StorageFullError as error:
            say(type(error).__name__, error.written)
            break
    assert len(kept) > 10
with States.open(BACKEND) as states:
    intact = all(states.load("a", revision).state == noise for revision, noise in kept)
    say("intact", intact, states.load("a").revision == kept[-1][0], states.verify().sound)
    subprocess.run(["mount", "-o", "remount,size=64m", sys.argv[1]], check=True)
    say("after", states.save("a", b"more").revision == kept[-1][0] + 1)
"""


def program(body, backend):
    """Return the text of a program that uses a durable backend."""
    return textwrap.dedent(HEAD) + body.replace("BACKEND", source_of(backend))


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

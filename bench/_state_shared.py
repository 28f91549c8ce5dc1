"""What the competitors of `state.py` have in common: the states, where they are kept, how a case is run."""

from __future__ import annotations

import os
import random
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Run = Callable[[], Any]
    Cases = dict[str, Run]

FOLDER: Final = "DSPEX_BENCH_FOLDER"
POSTGRES: Final = "DSPEX_TEST_POSTGRES_DSN"
REDIS: Final = "DSPEX_TEST_REDIS_URL"
SMALL, LARGE = "10 kB", "1 MB"
SIZES: Final = {SMALL: 10_000, LARGE: 1_000_000}
_TEXT: Final = 425  # characters of a message


def a_state(size: int) -> dict[str, Any]:
    """Return a state as an agent has one: a conversation that takes about `size` bytes as JSON.

    Args:
        size: 18 messages for 10,000 bytes, 1,851 for a million.
    """
    generator = random.Random(7)  # noqa: S311 -- test data
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(generator.choices(letters, k=generator.randint(2, 9))) for _ in range(2000)]
    messages = [
        {
            "role": "assistant" if number % 2 else "user",
            "content": " ".join(generator.choices(words, k=_TEXT // 6))[:_TEXT],
            "tokens": _TEXT // 4,
            "score": generator.random(),
        }
        for number in range(size // (_TEXT + 115))
    ]
    return {"step": 7, "messages": messages}


def saves_and_loads(
    name: str, save: Callable[[str, Any], object], load: Callable[[str], Any], states: dict[str, Any]
) -> Cases:
    """Return the cases of one place to keep states in.

    Args:
        name: of the place.
        save: keeps a state as the next version of an id.
        load: returns the newest one of an id.
        states: by size; what is saved, and what has to come back.
    """
    cases: Cases = {}
    for size, state in states.items():
        cases[f"{name}: save {size}"] = _saver(save, size, state)
        cases[f"{name}: load {size}"] = _loader(load, size, state)
    return cases


def _saver(save: Callable[[str, Any], object], size: str, state: object) -> Run:
    def run() -> None:
        save(size, state)

    return run


def _loader(load: Callable[[str], Any], size: str, state: object) -> Run:
    """Return what loads, and in its first run, which is not counted, checks what it got."""
    checked = False

    def run() -> None:
        nonlocal checked
        found = load(size)
        if not checked:
            assert found == state  # noqa: S101 -- a bench of wrong answers is none
            checked = True

    return run


def place(name: str) -> Path:
    """Return a path that nobody else has used, in the folder of this run."""
    return Path(tempfile.mkdtemp(dir=os.environ[FOLDER])) / name


@contextmanager
def servers() -> Iterator[None]:
    """Have a folder and the servers, named in the environment, where every competitor finds them.

    Servers that are named there already are used as they are. Those that are started keep their data in the
    same folder as everybody else, and have it on disk before they acknowledge.
    """
    from dspex_actors.testing._database_server import ServerUnavailableError  # noqa: PLC0415 -- only the parent needs it
    from dspex_actors.testing._postgres_server import PostgresServer  # noqa: PLC0415 -- as above
    from dspex_actors.testing._redis_server import RedisServer  # noqa: PLC0415 -- as above

    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-state-"))
        Path(folder).chmod(0o755)  # Postgres runs as somebody else
        os.environ[FOLDER] = folder
        try:
            if POSTGRES not in os.environ:
                server = PostgresServer(None, "shared_buffers=128MB", parent=folder)
                os.environ[POSTGRES] = stack.enter_context(server).dsn
            if REDIS not in os.environ:
                os.environ[REDIS] = stack.enter_context(RedisServer(parent=folder)).url
        except ServerUnavailableError as error:
            print(f"state: {error}", file=sys.stderr)
        yield

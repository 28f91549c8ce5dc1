"""What a zygote is told of the engine of its language, from the language's row and what was found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dspex_actors.workers._protocol import EngineConfig

if TYPE_CHECKING:
    from dspex_actors._language import FoundEngine, Language


class EngineSetup(NamedTuple):
    """An engine, for a zygote.

    Attributes:
        config: what the zygote is told.
        read_paths: files and folders that its guests read.
    """

    config: EngineConfig
    read_paths: tuple[str, ...]


def engine_modules(language: Language | None) -> tuple[str, ...]:
    """Return the top-level packages that a zygote imports a language's engine from; none for Python.

    They are known from the row alone, so the engine can be found while the zygote loads.

    Args:
        language: its row; None for Python.
    """
    if language is None or language.is_python:
        return ()
    module = language.maker.split(".", 1)[0].split(":", 1)[0]
    return (module, *language.modules)


def setup_of(language: Language, found: FoundEngine, start_timeout_s: float) -> EngineSetup | None:
    """Return the setup of a language's engine; None for Python, which has none.

    Args:
        language: its row.
        found: its engine on this machine.
        start_timeout_s: seconds that the engine may take to start; its zygote needs more.
    """
    if language.is_python:
        return None
    config = EngineConfig(
        maker=language.maker,
        language=language.name,
        install=language.install,
        path=found.path,
        version=found.version,
        start_timeout_s=start_timeout_s,
        options=dict(found.options),
        links=dict(found.links),
        grace_s=language.grace_s,
    )
    return EngineSetup(config, found.read_paths)


def engine_files(engine: str, ending: str) -> tuple[str, ...]:
    """Return the paths of the files of an engine of this package that are read in the sandbox.

    Args:
        engine: name of its folder in `engines`.
        ending: of their names, like `".mjs"`.
    """
    folder = Path(__file__).parent / "engines" / engine
    return tuple(str(path) for path in sorted(folder.glob(f"*{ending}")))

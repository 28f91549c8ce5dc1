"""The actor that reloads modules when their files change. Needs the extra `watch`."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dspex_actors._errors import ConfigError
from dspex_actors._log import log
from dspex_actors.modules._errors import ModuleError
from dspex_actors.modules._module_events import ModuleEvent
from dspex_actors.modules._python_sources import loaded_below, path_of
from dspex_actors.modules._registry_messages import HotReload
from dspex_actors.modules._tables_actor import Subscribe
from supervisors import GenServer, Refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dspex_actors.modules._core import ModulesCore
    from dspex_actors.modules._id_index import Pattern
    from supervisors import ExitReason, Sender

STEP_MS: Final = 10  # how long the system's notices are collected before they are looked at
SETTLED_MS: Final = 250  # without a notice; by then the watch is there, and all files are looked at once
MAILBOX: Final = 1000  # events of modules that may wait


@dataclass(frozen=True, slots=True)
class _Touched:
    """Files that were written, made or removed; of None all may have been."""

    paths: frozenset[Path] | None


class FileWatcher(GenServer):
    """Reloads each module whose file has changed, with an automatic version and as any other reload.

    It looks at the folders of the sources there are, and follows what is registered and reloaded. What counts
    is what a file holds: one that is touched is not reloaded, and a roll-back is not undone. A reload that
    fails is told to the watchers of the module, and tried again at the next change.
    """

    def init(self, modules: ModulesCore, pattern: Pattern, debounce_ms: int) -> None:
        """Begin to watch, from what the files hold now.

        Args:
            modules: what to reload.
            pattern: of the ids.
            debounce_ms: how long to wait for more changes after the first one.
        """
        self._modules = modules
        self._pattern = pattern
        self._debounce_ms = debounce_ms
        self._stopping: threading.Event | None = None
        self._folders: frozenset[Path] = frozenset()
        self.pid.on_release(self._end)
        modules.ask_tables(Subscribe(pattern, self.pid, MAILBOX))
        sources = self._sources()
        self._seen = {path: _digest(path) for files in sources.values() for path in files}
        self._look_at(sources)

    def handle_call(self, message: object, sender: Sender) -> Any:  # noqa: ANN401, ARG002 -- there are no messages
        """Refuse: nobody has anything to ask of it.

        Raises:
            Refuse: always.
        """
        raise Refuse(ConfigError("message", message, "nothing: a FileWatcher takes no messages"))

    def handle_cast(self, message: object) -> None:
        """Reload what a change concerns."""
        if not isinstance(message, _Touched):
            return
        sources = self._sources()
        known = {path: loaded for files in sources.values() for path, loaded in files.items()}
        touched = known.keys() if message.paths is None else known.keys() & message.paths
        now = {path: _digest(path) for path in touched}
        changed = {path for path, digest in now.items() if digest != self._seen.get(path, known[path])}
        self._seen.update(now)
        for module_id, files in sources.items():
            if changed & files.keys():
                self._reload(module_id)
        self._look_at(self._sources())

    def handle_info(self, message: object) -> Any:  # noqa: ANN401 -- None
        """Follow what becomes of the modules."""
        if isinstance(message, ModuleEvent):
            self._look_at(self._sources())
            return None
        return super().handle_info(message)

    def terminate(self, reason: ExitReason) -> None:
        """Watch no longer."""
        del reason
        self._end()

    def _reload(self, module_id: str) -> None:
        try:
            self._modules.ask_registry(HotReload(module_id))
        except ModuleError as error:  # its watchers are told, where it began
            log("warning", "module.not_reloaded", module=module_id, reason=str(error))

    def _sources(self) -> dict[str, dict[Path, str]]:
        """Return the files of each module that is meant, by id, with the digests of what was loaded."""
        tables = self._modules.tables
        found = {}
        for info in tables.discover(self._pattern, type=None, version=None, tags=frozenset()):
            spec = info.spec
            if spec.module_name:
                files = {
                    path.resolve(): tables.sources[name].digest
                    for name, module in loaded_below(spec.root).items()
                    if (path := path_of(module)) is not None and name in tables.sources
                }
            else:
                files = {Path(str(spec.source)).resolve(): info.version.digest}
            found[info.module_id] = files
        return found

    def _look_at(self, sources: Mapping[str, Mapping[Path, str]]) -> None:
        """Watch the folders of these files, if they are others than before."""
        folders = frozenset(
            path.parent for files in sources.values() for path in files if path.parent.is_dir()
        )
        if folders == self._folders:
            return
        self._folders = folders
        self._end()
        if folders:
            self._stopping = threading.Event()
            watching = partial(_watch, folders, self._debounce_ms, self._stopping, self.address.cast)
            self.system.run_in_thread(f"{self.pid.name}-folders", watching)

    def _end(self) -> None:
        if self._stopping is not None:
            self._stopping.set()


def _watch(
    folders: frozenset[Path], debounce_ms: int, stopping: threading.Event, tell: Callable[[_Touched], object]
) -> None:
    """Tell of changes until it is stopped; runs in a thread of its own."""
    import watchfiles  # noqa: PLC0415 -- an extra

    changes = watchfiles.watch(
        *sorted(folders),
        watch_filter=None,
        debounce=debounce_ms,
        step=STEP_MS,
        stop_event=stopping,
        rust_timeout=SETTLED_MS,
        yield_on_timeout=True,
        recursive=False,
        raise_interrupt=False,
        ignore_permission_denied=True,
    )
    first = True
    for found in changes:
        if first:
            tell(_Touched(None))  # something may have changed before the watch was there
        elif found:
            tell(_Touched(frozenset(Path(path).resolve() for _, path in found)))
        first = False


def _digest(path: Path) -> str:
    """Return the sha256 of a file; empty if it cannot be read now."""
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""

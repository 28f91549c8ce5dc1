"""The actor that reloads modules when their files change. Needs the extra `watch`."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from dspex_actors._errors import ConfigError
from dspex_actors._log import log
from dspex_actors.modules._errors import ModuleError
from dspex_actors.modules._module_events import EventsMissed, ModuleEvent
from dspex_actors.modules._python_sources import loaded_below, path_of
from dspex_actors.modules._registry_messages import HotReload
from dspex_actors.modules._reload_errors import UnknownModuleError
from dspex_actors.modules._tables_actor import Subscribe
from supervisors import GenServer, Refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors.modules._catalog import ModuleInfo
    from dspex_actors.modules._core import ModulesCore
    from dspex_actors.modules._id_index import Pattern
    from supervisors import ExitReason, Sender

_Files: TypeAlias = dict[Path, str]  # with the digest of what was loaded

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
        self._watched: frozenset[Path] = frozenset()
        self._sources: dict[str, _Files] = {}
        self._folders: Counter[Path] = Counter()  # how many of these files are in each
        self.pid.on_release(self._end)
        modules.ask_tables(Subscribe(pattern, self.pid, MAILBOX))
        self._look_through()
        self._seen = {path: _digest(path) for files in self._sources.values() for path in files}
        self._watch()

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
        self._look_through()  # a Python module may have been imported since
        sources = dict(self._sources)
        known = {path: loaded for files in sources.values() for path, loaded in files.items()}
        touched = known.keys() if message.paths is None else known.keys() & message.paths
        now = {path: _digest(path) for path in touched}
        changed = {path for path, digest in now.items() if digest != self._seen.get(path, known[path])}
        self._seen.update(now)
        for module_id, files in sources.items():
            if changed & files.keys():
                self._reload(module_id)
        self._look_through()
        self._watch()

    def handle_info(self, message: object) -> Any:  # noqa: ANN401 -- None
        """Follow what becomes of the modules: of each by its own events."""
        if isinstance(message, ModuleEvent):
            known = set(self._folders)
            self._drop(message.module_id)
            with suppress(UnknownModuleError):  # it is gone
                self._add(self._modules.tables.get(message.module_id), {})
            if self._folders.keys() == known:
                return None
        elif isinstance(message, EventsMissed):
            self._look_through()
        else:
            return super().handle_info(message)
        self._watch()
        return None

    def terminate(self, reason: ExitReason) -> None:
        """Watch no longer."""
        del reason
        self._end()

    def _reload(self, module_id: str) -> None:
        try:
            self._modules.ask_registry(HotReload(module_id))
        except ModuleError as error:  # its watchers are told, where it began
            log("warning", "module.not_reloaded", module=module_id, reason=str(error))

    def _look_through(self) -> None:
        """Find the files of each module that is meant."""
        self._sources.clear()
        self._folders.clear()
        packages: dict[str, _Files] = {}
        for info in self._modules.tables.discover(self._pattern, type=None, version=None, tags=frozenset()):
            self._add(info, packages)

    def _add(self, info: ModuleInfo, packages: dict[str, _Files]) -> None:
        """Note the files of a module.

        Args:
            info: of the module.
            packages: the files of those that were looked through before, by name; one more is added.
        """
        spec, sources = info.spec, self._modules.tables.sources
        if not spec.module_name:
            files = {Path(str(spec.source)).resolve(): info.version.digest}
        elif spec.root in packages:
            files = packages[spec.root]
        else:
            files = packages[spec.root] = {
                path.resolve(): sources[name].digest
                for name, module in loaded_below(spec.root).items()
                if (path := path_of(module)) is not None and name in sources
            }
        self._sources[info.module_id] = files
        self._folders.update(path.parent for path in files)

    def _drop(self, module_id: str) -> None:
        """Forget the files of a module."""
        for path in self._sources.pop(module_id, {}):
            self._folders[path.parent] -= 1
            if not self._folders[path.parent]:
                del self._folders[path.parent]

    def _watch(self) -> None:
        """Watch the folders of the files, if they are others than before."""
        folders = frozenset(folder for folder in self._folders if folder.is_dir())
        if folders == self._watched:
            return
        self._watched = folders
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

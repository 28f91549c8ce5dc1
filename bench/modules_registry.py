"""What a registry of modules costs, and whether it stays as quick with 10,000 of them as with 100.

    python bench/modules_registry.py [--quick]

The competitors are registries of different sizes, ours being the largest. Results of equal length are
compared: each pattern means ten modules. Every tenth module has a watcher of its own.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from _measure import Case, Question
from _table import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _measure import Run

SOURCE = "class Model:\n    number = {}\n"


class Registered:
    """So many modules of one file."""

    def __init__(self, folder: Path, size: int) -> None:
        from dspex_actors.modules import Modules, ModuleSpec  # noqa: PLC0415 -- each competitor loads its own

        self.spec = ModuleSpec
        self.size = size
        self.versions = 0
        self.path = folder / "model.py"
        self.path.write_text(SOURCE.format(0), encoding="utf-8")
        self.modules = Modules.open()
        for number in range(size):
            self._register(f"team{number // 10:04}.model{number % 10}", f"tag{number // 10}")
        self.watches = [self.modules.watch(f"team{number // 10:04}.model0") for number in range(0, size, 10)]
        self.team, self.tag = f"team{size // 20:04}", f"tag{size // 20}"

    def _register(self, module_id: str, tag: str) -> None:
        self.modules.register(
            self.spec(module_id, target="Model", version="1.0.0", source=self.path, tags=frozenset({tag}))
        )

    def get(self) -> None:
        """Get one module by its id."""
        self.modules.get(f"{self.team}.model5")

    def by_head(self) -> None:
        """Find ten modules by how their ids begin."""
        assert len(self.modules.discover(f"{self.team}.*")) == 10  # noqa: S101 -- a bench of nothing is none

    def by_tag(self) -> None:
        """Find ten modules by a tag."""
        assert len(self.modules.discover(tags={self.tag})) == 10  # noqa: S101 -- as above

    def register(self) -> None:
        """Register one more module, and take it away again."""
        self._register("one.more", "more")
        self.modules.unregister("one.more")

    def watch(self) -> None:
        """Watch a module, reload it, and take both events."""
        self.versions += 1
        path = self.path.with_name("next.py")
        path.write_text(SOURCE.format(self.versions), encoding="utf-8")
        module_id = f"{self.team}.model5"
        with self.modules.watch(module_id) as events:
            self.modules.hot_reload(module_id, f"1.0.{self.versions}", path)
            events.get(timeout=5)
            events.get(timeout=5)


def of_size(size: int) -> Callable[[], Iterator[dict[str, Run]]]:
    """Return a competitor with so many modules."""

    @contextmanager
    def competitor() -> Iterator[dict[str, Run]]:
        with tempfile.TemporaryDirectory() as folder:
            registered = Registered(Path(folder), size)
            yield {
                "get": registered.get,
                "discover ten by a glob": registered.by_head,
                "discover ten by a tag": registered.by_tag,
                "register and unregister": registered.register,
                "watch, reload, two events": registered.watch,
            }
            registered.modules.close()

    return competitor


QUESTION = Question(
    name="modules_registry",
    script=__file__,
    competitors={OURS: of_size(10_000), "1,000 modules": of_size(1_000), "100 modules": of_size(100)},
    cases=(
        Case(name="get", turns=5, runs=500, quick=(2, 100)),
        Case(name="discover ten by a glob", turns=5, runs=500, quick=(2, 100)),
        Case(name="discover ten by a tag", turns=5, runs=500, quick=(2, 100)),
        Case(name="register and unregister", turns=5, runs=50, quick=(2, 20)),
        Case(name="watch, reload, two events", turns=5, runs=50, quick=(2, 20)),
    ),
)

if __name__ == "__main__":
    QUESTION.main()

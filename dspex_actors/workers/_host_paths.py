"""Which files of the host a policy lets its guests read, or have copies of, as they are on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dspex_actors._errors import ConfigError
from dspex_actors._paths import is_below, read_paths_of

if TYPE_CHECKING:
    from dspex_actors._policy import Policy


def lent_paths(policy: Policy, scratch: str) -> list[str]:
    """Return the read paths of a policy; where one leads through links, what it leads to as well.

    Args:
        policy: what its guests may do.
        scratch: the folder of the scratch folders, which no guest may see.

    Raises:
        ConfigError: one of them is not there, or leads to what no guest may have.
    """
    found: dict[str, None] = {}
    for path in map(str, policy.read_paths):
        if not (Path(path).is_file() or Path(path).is_dir()):
            raise ConfigError("Policy.read_paths", path, "files and folders that exist")
        found |= dict.fromkeys((path, *read_paths_of([_real("read_paths", path, scratch)])))
    return list(found)


def withheld_paths(policy: Policy, scratch: str) -> list[str]:
    """Return the folders of which guests have copies; of one that is a link, what it leads to as well.

    Raises:
        ConfigError: one of them is not there.
    """
    found: dict[str, None] = {}
    for path in map(str, policy.write_paths.values()):
        if not Path(path).is_dir():
            raise ConfigError("Policy.write_paths", path, "a mapping to folders that exist")
        found |= dict.fromkeys((path, _real("write_paths", path, scratch)))
    return list(found)


def _real(field: str, path: str, scratch: str) -> str:
    """Return what a path leads to.

    Raises:
        ConfigError: it holds the folder of the scratch folders.
    """
    real = os.path.realpath(path)
    if is_below(os.path.realpath(scratch), real):
        allowed = (
            f"folders that do not hold {scratch}, where guests have their scratch folders (TMPDIR sets it)"
        )
        raise ConfigError(f"Policy.{field}", path, allowed)
    return real

"""How rustc is called, as far as it does not depend on the machine.

The host reads this too: what programs are compiled with decides which of them are alike.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

FLAGS = (
    "--edition=2021",
    "-O",
    "-Ccodegen-units=1",
    "-Cstrip=symbols",
    "-Cembed-bitcode=no",
    "--error-format=json",
)


def fingerprint(library: Iterable[str]) -> str:
    """Return a text that is equal for equal flags and an equal crate `dspex`.

    Args:
        library: paths of the crate's files.
    """
    digest = hashlib.sha256(repr(FLAGS).encode())
    for path in library:
        digest.update(hashlib.sha256(Path(path).read_bytes()).digest())
    return digest.hexdigest()

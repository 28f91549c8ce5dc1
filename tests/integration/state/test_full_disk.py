"""A disk that fills up is an error of its own kind, and what was saved before is intact."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.integration.state._programs import FILLER, program, start

OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount")


def may_mount():
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run(
        [*OWN_MOUNTS, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
    )
    return tried.returncode == 0


@pytest.mark.skipif(not may_mount(), reason="this machine lets nobody mount a small file system")
@pytest.mark.parametrize("kind", ["sqlite normal", "sqlite full", "file_system"])
def test_a_full_disk_is_told_apart_and_loses_nothing(tmp_path, kind):
    with start(program(FILLER, kind), tmp_path, before=OWN_MOUNTS) as filler:
        said = filler.communicate()[0].splitlines()

    assert (filler.returncode, said) == (
        0,
        ["StorageFullError False", "intact True True True", "after True"],
    )

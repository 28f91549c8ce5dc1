"""A Node and an npm that do as if, for tests of how images are made."""

from __future__ import annotations

from dspex_actors.executors.languages import _javascript

NPM = "npm"
_NOTE = 'PATH=/bin:/usr/bin\necho "$(basename $0) $*" >> {log}\n'
_FILES = "package.json pyodide-lock.json pyodide.asm.js pyodide.asm.wasm pyodide.mjs python_stdlib.zip"
_CONTENT = '{"version": "0.29.5", "info": {"python": "3.13.2"}, "packages": {}}'
_INSTALL = f"""\
mkdir -p node_modules/pyodide && cd node_modules/pyodide
for file in {_FILES}; do echo '{_CONTENT}' > $file; done
"""
_SNAPSHOT = """\
if [ "$1" = --version ]; then echo v24.1.0; exit; fi
echo frozen > "$3/snapshot.bin"; echo 3.13.2
"""


class FakeTools:
    """See the module.

    Args:
        folder: an empty folder.
    """

    def __init__(self, folder):
        self._folder = folder / "programs"
        self._folder.mkdir()
        self._log = folder / "log"
        self.set("node", _SNAPSHOT)
        self.set(NPM, _INSTALL)
        self.path = str(self._folder)

    def set(self, name, script):
        program = self._folder / name
        program.write_text(f"#!/bin/sh\n{_NOTE.format(log=self._log)}{script}")
        program.chmod(0o755)

    def remove(self, name):
        (self._folder / name).unlink()

    def lines(self):
        """Return what was run, but for questions about versions."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [line for line in lines if not line.endswith(" --version")]

    def asked(self):
        return [line.split()[0] for line in self.lines()]


def fake_tools(folder, monkeypatch):
    """Return tools that are the only ones to be found."""
    tools = FakeTools(folder)
    monkeypatch.setenv("PATH", tools.path)
    monkeypatch.setattr(_javascript, "find_package", lambda _: None)
    monkeypatch.setattr("dspex_actors.cli._image_tools.find_package", lambda _: None)
    return tools

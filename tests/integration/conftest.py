"""Integration tests: nothing is left behind, and nothing from a guest is executed in the host.

While the host decodes what a worker sent, an audit hook notes every import, compilation, execution and pickle
lookup in that thread. At the end of the session there must be none.
"""

from __future__ import annotations

import functools
import sys
import tempfile
import threading

import pytest

from dspex_actors import values
from dspex_actors.workers import _process, _result, _tool_calls, _zygote_news
from tests._leaks import Snapshot, leaks_since
from tests.integration._servers import Listener, WebServer
from tests.integration._tools import BareZygote, runtime_of, scratch_folders

FORBIDDEN = frozenset(
    {
        "pickle.find_class",
        "exec",
        "compile",
        "import",
        "marshal.loads",
        "code.__new__",
        "open",
        "subprocess.Popen",
    }
)


class DecodingWatch:
    """Notes forbidden audit events of threads that are decoding."""

    def __init__(self):
        self._state = threading.local()
        self.noted = []
        self.decoded = 0
        sys.addaudithook(self._hook)  # cannot be taken off again; does nothing outside of `watched`

    def _hook(self, event, args):
        if event in FORBIDDEN and getattr(self._state, "depth", 0):
            self.noted.append((event, repr(args)[:200]))

    def watched(self, function):
        @functools.wraps(function)
        def call(*args, **options):
            self._state.depth = getattr(self._state, "depth", 0) + 1
            self.decoded += 1
            try:
                return function(*args, **options)
            finally:
                self._state.depth -= 1

        return call


@pytest.fixture(scope="session", autouse=True)
def decoding_watch():
    """Watch all that the host decodes, over the whole session."""
    watch = DecodingWatch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(values, "decode", watch.watched(values.decode))
        for module, name in (
            (_result, "_decode_final"),
            (_zygote_news, "_decode_control"),
            (_process, "_decode_ready"),
        ):
            patch.setattr(module, name, watch.watched(getattr(module, name)))
        patch.setattr(_tool_calls, "_decode_call", watch.watched(_tool_calls._decode_call))
        yield watch
    assert watch.noted == []


@pytest.fixture(scope="session", autouse=True)
def temporary_folder_of_our_own(tmp_path_factory):
    """Keep the scratch folders of this session apart from anybody else's."""
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path_factory.mktemp("tmp"))
    yield
    tempfile.tempdir = before


@pytest.fixture(autouse=True)
def leaves_no_scratch_folder():
    before = scratch_folders()
    yield
    assert scratch_folders() == before


@pytest.fixture(scope="module")
def clean_module(subreaper):  # noqa: ARG001 -- set up before
    """Check after the last test of a module what `may_leak` spares its tests: nothing is left."""
    before, folders = Snapshot.settled(), scratch_folders()
    yield
    assert leaks_since(before) == []
    assert scratch_folders() == folders


@pytest.fixture(scope="module")
def zygote(clean_module):  # noqa: ARG001 -- set up before
    """One zygote of the profile `process` for a module."""
    with BareZygote() as zygote:
        yield zygote


@pytest.fixture(scope="module")
def runtime(clean_module):  # noqa: ARG001 -- set up before
    """One runtime for a module; its tests carry the mark `may_leak`, since spares come and go."""
    with runtime_of() as runtime:
        yield runtime
    assert runtime.stop().clean


@pytest.fixture(scope="module")
def web():
    """Yield a server of this machine."""
    with WebServer() as server:
        yield server


@pytest.fixture(scope="module")
def unlisted():
    """Yield a server that listens, and that no list has."""
    with Listener() as listener:
        yield listener

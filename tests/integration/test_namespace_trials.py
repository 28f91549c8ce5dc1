"""What the zygote tries outside the host's namespaces is possible in them; so its failures count."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dspex_actors.workers.confine import _libc
from tests.integration._tools import BareZygote

ROOT = Path(__file__).parents[2]
_USER, _NETWORK, _IPC = 0x10000000, 0x40000000, 0x08000000
_CAP_MKNOD = 27

TRIALS = """
import sys
from dspex_actors.workers.confine import _libc, _namespace_trials
segment = _namespace_trials.SharedSegment()
for flag in map(int, sys.argv[2:]):
    _libc.unshare(flag)
print(segment.is_found(), _namespace_trials.reaches_loopback(), _namespace_trials.makes_devices(sys.argv[1]))
segment.close()
print(segment.is_found())
"""


def tried(folder, *namespaces):
    """Say what could be done after leaving namespaces: find a segment, reach the loopback, make a device."""
    done = subprocess.run(
        [sys.executable, "-c", TRIALS, str(folder), *map(str, namespaces)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    *found, after = done.stdout.split()
    assert after == "False"
    assert list(folder.iterdir()) == []
    return [word == "True" for word in found]


def test_in_the_host_s_namespaces_all_of_it_is_possible(tmp_path):
    found, loopback, _device = tried(tmp_path)

    assert (found, loopback) == (True, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="takes rights over the machine")
def test_root_of_the_machine_makes_devices_and_root_of_a_user_namespace_does_not(tmp_path):
    may_make = bool(_libc.effective_capabilities() >> _CAP_MKNOD & 1)  # not in every container

    assert tried(tmp_path)[2] is may_make
    assert tried(tmp_path, _USER)[2] is False


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [(_IPC, [False, True]), (_NETWORK, [True, False])],
    ids=["ipc", "network"],
)
def test_each_namespace_takes_away_its_own_and_nothing_else(tmp_path, namespace, expected):
    assert tried(tmp_path, _USER, namespace)[:2] == expected


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ("user_namespace", "making a device"),
        ("ipc_namespace", "finding shared memory"),
        ("network_namespace", "reaching the loopback"),
    ],
)
def test_the_report_says_what_was_tried_beside_the_comparison(layer, words):
    with BareZygote() as zygote:
        report = zygote.layers[layer]

    assert report.active
    assert report.probe.startswith(words)
    assert "comparing its" in report.probe

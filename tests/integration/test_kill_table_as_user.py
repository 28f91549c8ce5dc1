"""The kill table once more, for hosts that are an ordinary user; watched from outside, by root.

An ordinary user may not see in which pid namespace its guests are: nobody but root can tell what is left.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests._nobody import NOBODY, readable_interpreter
from tests.integration._tools import CEILING_S
from tests.integration.test_kill_table import HOSTILE, left_after, living_in, namespace_of, source

REPOSITORY = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user and watch it")

# Runs each program that it is given, says so when it is running, and kills its worker when it is told to.
HOST = """
import sys
from dspex_actors import Limits, Policy
from dspex_actors.workers._process import Cause
from tests.integration._tools import TIMERS, BareZygote

with BareZygote(Policy(profile="shell", require=()), sys.argv[1].split()) as zygote:
    print(zygote.layers["reliable_kill"].detail, flush=True)
    for code in sys.argv[2:]:
        with zygote.worker() as worker:
            def tell(stream, text):
                if "running" in text:
                    print(worker.facts.pid, flush=True)
                    sys.stdin.readline()
                    worker.kill(Cause.CANCELLED)

            worker.execute(code, None, Limits(time_s=60), TIMERS, tell)
            print("killed", flush=True)
            sys.stdin.readline()
"""


@pytest.mark.parametrize("disabled", ["", "seccomp"], ids=["all layers", "no seccomp"])
def test_nothing_that_guests_of_an_ordinary_user_have_started_is_left_after_the_kill(disabled):
    python = readable_interpreter()
    if python is None:
        pytest.skip("no interpreter of this version can be run by other users")
    site = [path for path in sys.path if path.endswith("-packages")]
    with subprocess.Popen(
        [python, "-B", "-c", HOST, disabled, *map(source, HOSTILE)],
        cwd="/",
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *site])},
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as host:
        kill = host.stdout.readline()
        found = {}
        for name in HOSTILE:
            worker = int(host.stdout.readline())
            namespace = namespace_of(worker)
            before = living_in({namespace})
            host.stdin.write("\n")
            host.stdin.flush()
            said = host.stdout.readline()
            found[name] = (worker in before, said, left_after({namespace}))
            host.stdin.write("\n")
            host.stdin.flush()
        host.wait(CEILING_S)

    assert kill.startswith("pid namespace")
    assert found == dict.fromkeys(HOSTILE, (True, "killed\n", []))
    assert host.returncode == 0

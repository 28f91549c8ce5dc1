"""Policies side by side in one runtime, each with a sandbox of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures

import pytest

from dspex_actors import ConfigError, Policy
from tests.integration._tools import runtime_of


def test_policies_side_by_side_have_sandboxes_of_their_own():
    strict = Policy(profile="strict")
    named = Policy(environment={"NAME": "x"}, packages=())
    with runtime_of(spares=1) as runtime:
        seen = [
            runtime.execute("import os; os.environ.get('NAME')").value,
            runtime.execute("import os; os.environ.get('NAME')", policy=named).value,
            runtime.execute("open('/etc/passwd')", policy=strict).error.type,
        ]
        numpy = runtime.execute("import numpy", policy=named)
        zygotes = [node for node in runtime.tree().walk() if node.id == "zygote"]
        profiles = [runtime.sandbox_report(policy).profile for policy in (None, named, strict)]

    assert seen[:2] == [None, "x"]
    assert seen[2] in {"NameError", "SyntaxError", "PermissionError"}
    assert numpy.error.type == "ModuleNotFoundError"
    assert len(zygotes) == 3
    assert profiles == ["process", "process", "strict"]


def test_equal_policies_share_one_sandbox():
    with runtime_of(spares=1) as runtime:
        for _ in range(3):
            runtime.execute("1", policy=Policy())

        assert sum(node.id == "zygote" for node in runtime.tree().walk()) == 1


def test_a_policy_too_many_is_refused_and_the_others_work_on():
    with runtime_of(spares=1, max_policies=2) as runtime:
        runtime.execute("1", policy=Policy(packages=()))
        with pytest.raises(ConfigError, match="at most 2"):
            runtime.execute("1", policy=Policy(profile="strict"))

        assert runtime.execute("1", policy=Policy(packages=())).value == 1


def test_a_policy_that_cannot_start_does_not_count():
    with runtime_of(spares=1, max_policies=2) as runtime:
        for _ in range(3):
            with pytest.raises(ConfigError, match="no_such_package"):
                runtime.execute("1", policy=Policy(packages=["no_such_package"]))

        assert runtime.execute("1", policy=Policy(packages=())).value == 1


def test_a_policy_that_is_none_is_refused_by_each_door():
    with runtime_of(spares=0) as runtime:
        for door in (runtime.execute, runtime.submit, runtime.execute_async):
            with pytest.raises(ConfigError, match="policy must be a Policy object or None, got 'shell'"):
                door("1", policy="shell")
        with pytest.raises(ConfigError, match="policy must be a Policy object"):
            runtime.session(policy="shell")
        with pytest.raises(ConfigError, match="policy must be a Policy object"):
            runtime.sandbox_report("shell")


def test_first_calls_of_one_new_policy_from_many_threads_start_one_sandbox():
    policy = Policy(packages=())
    with runtime_of(spares=1) as runtime, concurrent.futures.ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: runtime.execute("1", policy=policy), range(8)))

        assert {result.value for result in results} == {1}
        assert sum(node.id == "zygote" for node in runtime.tree().walk()) == 2


def test_a_new_policy_can_be_awaited():
    async def main(runtime):
        return await asyncio.gather(
            *(runtime.aexecute("1", policy=Policy(environment={"N": str(n)})) for n in range(3))
        )

    with runtime_of(spares=1) as runtime:
        assert [result.value for result in asyncio.run(main(runtime))] == [1, 1, 1]


DRAWS = {
    "numpy": "import numpy as np\n(float(np.random.random()), np.random.bytes(8))",
    "random": "import random\n(random.random(), random.randbytes(8))",
}


@pytest.mark.parametrize("profile", ["process", "strict"])
@pytest.mark.parametrize("library", DRAWS)
def test_guests_of_one_policy_draw_no_random_numbers_of_each_other(library, profile):
    policy = Policy(profile=profile, preload=("numpy.random", "random"))
    with runtime_of(policy=policy) as runtime:
        drawn = [runtime.execute(DRAWS[library]).unwrap() for _ in range(3)]

    assert len({number for number, _ in drawn}) == len({text for _, text in drawn}) == 3

"""Control groups of guests in other languages: what their driver starts is bounded together with it."""

from __future__ import annotations

import pytest

from dspex_actors import MIB, LimitExceeded, Limits, Policy, Runtime
from tests._engines import need_engine
from tests.integration.test_cgroup import kill_is_ours, powers

pytestmark = [
    pytest.mark.skipif(not kill_is_ours(), reason="this user may make no control groups here"),
    pytest.mark.may_leak("spares come and go; the module is checked as a whole"),
]

HUNGRY = """
program = 'x=12345678; while [ ${#x} -lt 40000000 ]; do x=$x$x; done; echo full; read y'
options = [:binary, :exit_status, args: ["-c", program]]
ports = for _ <- 1..12, do: Port.open({:spawn_executable, "/bin/sh"}, options)
Enum.map(ports, fn port ->
  receive do
    {^port, {:exit_status, status}} -> status
    {^port, {:data, "full\\n"}} -> "full"
  end
end)
"""


@pytest.fixture(scope="module")
def runtime():
    with Runtime() as runtime:
        yield runtime


def layer(runtime, **options):
    return next(each for each in runtime.sandbox_report(**options).layers if each.name == "cgroup")


@pytest.mark.parametrize("language", ["javascript", "elixir"])
def test_a_language_with_a_driver_has_what_python_has_in_the_same_profile(runtime, language):
    need_engine(language)
    theirs, pythons = layer(runtime, language=language), layer(runtime, policy=Policy(profile="shell"))

    assert (theirs.active, theirs.detail) == (pythons.active, pythons.detail)
    assert theirs.active


@pytest.mark.skipif(
    not kill_is_ours() or "memory" not in powers(), reason="there is no memory controller here"
)
def test_the_memory_of_what_a_driver_has_started_is_bounded_together_in_the_first_worker_and_later(runtime):
    need_engine("elixir")
    policy = Policy(profile="shell", read_paths=("/bin/sh",))
    limits = Limits(memory_bytes=64 * MIB, time_s=30)

    results = [runtime.execute(HUNGRY, language="elixir", policy=policy, limits=limits) for _ in range(2)]

    for result in results:
        if isinstance(result, LimitExceeded):  # whom the kernel kills is its own choice
            assert result.limit == "memory"
        else:
            assert set(result.unwrap()) == {"full", 128 + 9}

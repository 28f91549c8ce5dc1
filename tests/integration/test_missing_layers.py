"""A layer that cannot be had is reported with its reason, the others still hold, and a policy may insist."""

from __future__ import annotations

import os
from functools import partial

import pytest

from dspex_actors import ConfigError, Limits, Policy, SandboxUnavailableError
from dspex_actors._policy import ESSENTIAL_LAYERS
from dspex_actors.executors import _zygote_actor
from dspex_actors.workers import LayerReport, zygote_config
from tests.integration._denials import guest_code
from tests.integration._servers import Listener
from tests.integration._tools import BareZygote, runtime_of

_IS_ROOT = os.geteuid() == 0
_NAMESPACES = {
    "user_namespace",
    "pid_namespace",
    "network_namespace",
    "mount_namespace",
    "ipc_namespace",
    "uts_namespace",
}
# Layers that are switched off: layers that are then not active. Only root has the others without the first.
LOST = {
    "landlock": {"landlock"},
    "seccomp": {"seccomp"},
    "no_new_privs": {"no_new_privs", "landlock", "seccomp"},
    "capabilities": {"capabilities"},
    "user_namespace": {"user_namespace"} if _IS_ROOT else {*_NAMESPACES, "scratch_quota", "process_limit"},
    "pid_namespace": {"pid_namespace"} if _IS_ROOT else {"pid_namespace", "process_limit"},
    "network_namespace": {"network_namespace"},
    "mount_namespace": {"mount_namespace", "scratch_quota", *({"process_limit"} if _IS_ROOT else ())},
    "ipc_namespace": {"ipc_namespace"},
    "uts_namespace": {"uts_namespace"},
    "scratch_quota": {"scratch_quota"},
    "process_limit": {"process_limit"},
    "seccomp pid_namespace": {
        "seccomp",
        "pid_namespace",
        "reliable_kill",
        *(() if _IS_ROOT else {"process_limit"}),
    },
    "seccomp network_namespace": {"seccomp", "network_namespace", "network"},
    "landlock " + " ".join(sorted(_NAMESPACES)): {
        "landlock",
        "host_paths",
        "scratch_quota",
        "process_limit",
        *_NAMESPACES,
    },
}
ATTEMPTS = {
    "landlock": ("os.listdir('/')", "EACCES"),
    "seccomp": ("os.fork() or os._exit(0)", "EPERM"),
    "capabilities": ("os.close(os.open('f', os.O_CREAT, 0)); os.open('f', os.O_RDONLY)", "EACCES"),
    "pid_namespace": ("raise OSError(0 if os.getppid() else 3, '')", "ESRCH"),
    "mount_namespace": ("os.stat('/etc/passwd')", "ENOENT"),
    "uts_namespace": ("raise OSError(2 if os.uname().nodename == 'sandbox' else 0, '')", "ENOENT"),
    "scratch_quota": (
        "file = os.open('f', os.O_CREAT | os.O_RDWR); os.posix_fallocate(file, 0, 128 * 2**20)",
        "ENOSPC",
    ),
}


@pytest.fixture(scope="module", params=LOST)
def lesser(request, clean_module):  # noqa: ARG001 -- set up before
    """Yield a zygote of a machine that lacks some layers, and their names."""
    with BareZygote(Policy(require=()), disabled=request.param.split()) as zygote:
        yield zygote, request.param


def lost(zygote) -> set[str]:
    # The scratch layer's probe lists the folder above, which Landlock is what forbids. Only guests that start
    # processes have a control group.
    return {layer.name for layer in zygote.handle.layers if not layer.active} - {"scratch", "cgroup"}


def test_a_layer_that_is_off_is_reported_inactive_with_what_depends_on_it(lesser):
    zygote, layer = lesser

    assert lost(zygote) - {"capabilities"} == LOST[layer] - {"capabilities"}


def test_an_inactive_layer_says_why(lesser):
    zygote, _ = lesser

    details = {layer.name: layer.detail for layer in zygote.handle.layers if not layer.active}
    assert all(details.values())
    assert "refused" not in details.values()


def test_a_layer_that_is_switched_off_says_so():
    with BareZygote(Policy(require=()), disabled=["seccomp"]) as zygote:
        layer = zygote.layers["seccomp"]

    assert (layer.active, layer.detail) == (False, "switched off")


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_the_layers_that_are_left_still_hold(lesser, attempt):
    zygote, _ = lesser
    active = zygote.layers[attempt].active
    code, refusal = ATTEMPTS[attempt]

    outcome = zygote.run(guest_code(code), Limits(time_s=10, file_bytes=None)).value

    assert (outcome == refusal) is active


def test_results_tell_which_layers_were_active(lesser):
    zygote, _ = lesser

    assert zygote.run("1").sandbox == {layer.name: layer.active for layer in zygote.handle.layers}


def test_with_nothing_switched_off_every_layer_is_active():
    with BareZygote() as zygote:
        assert lost(zygote) == set()


@pytest.fixture
def machine_without(monkeypatch):
    """Make this machine one that lacks layers."""

    def take_away(*layers):
        monkeypatch.setattr(_zygote_actor, "zygote_config", partial(zygote_config, disabled_layers=layers))

    return take_away


@pytest.mark.parametrize("layer", ["landlock", "seccomp", "no_new_privs"])
@pytest.mark.parametrize("profile", ["process", "strict"])
def test_a_missing_essential_layer_refuses_to_start_and_names_the_fix(machine_without, layer, profile):
    machine_without(layer)

    with pytest.raises(SandboxUnavailableError) as caught:
        runtime_of(policy=Policy(profile=profile))

    assert caught.value.layer in LOST[layer] & ESSENTIAL_LAYERS
    assert caught.value.reason
    assert caught.value.fix
    assert caught.value.layer in str(caught.value)


def test_a_policy_that_asks_for_nothing_runs_without_and_reports_it(machine_without):
    machine_without("landlock")
    with runtime_of(policy=Policy(require=()), spares=1) as runtime:
        report = runtime.sandbox_report()
        result = runtime.execute("1 + 1")

    assert (result.value, result.sandbox["landlock"]) == (2, False)
    assert not report.contained
    assert "landlock" in {layer.name for layer in report.missing}


def test_a_layer_beyond_the_essential_ones_can_be_required(machine_without):
    machine_without("uts_namespace")

    with pytest.raises(SandboxUnavailableError, match="uts_namespace") as caught:
        runtime_of(policy=Policy(require=Policy().possible_layers))
    assert (caught.value.layer, caught.value.reason) == ("uts_namespace", "switched off")
    assert "user namespaces" in caught.value.fix


@pytest.mark.parametrize("network", ["none", ("127.0.0.1:1",)])
def test_a_network_that_would_not_hold_starts_nothing(machine_without, network):
    machine_without("seccomp", "network_namespace")

    with pytest.raises(SandboxUnavailableError, match="network") as caught:
        runtime_of(policy=Policy(network=network, require=["network"]))

    assert caught.value.layer == "network"
    assert "seccomp or the network_namespace" in caught.value.fix


@pytest.mark.parametrize("off", [["seccomp"], ["network_namespace"], ["landlock"], sorted(_NAMESPACES)])
def test_a_list_holds_by_the_filter_or_by_the_namespace_alone(machine_without, off):
    machine_without(*off)
    code = "import socket\nsocket.create_connection(('127.0.0.1', 1))"
    with runtime_of(policy=Policy(network=("127.0.0.1:1",), require=["network"]), spares=1) as runtime:
        allowed = runtime.execute(code)
        refused = runtime.execute(code.replace("1))", "2))"))
        around = runtime.execute("import _socket\n_socket.socket(2, 1).connect(('127.0.0.1', 1))")

    assert allowed.error.type == "ConnectionRefusedError"  # by the port, where nobody listens
    assert refused.error.type == "PermissionError"
    assert around.error.type in {"PermissionError", "OSError"}
    assert "refused" not in around.error.message


@pytest.mark.parametrize("off", ["network_namespace", "pid_namespace"])
def test_programs_have_no_list_without_a_network_of_each_workers_own(machine_without, off):
    machine_without(off)

    with pytest.raises(SandboxUnavailableError, match=f"the {off.replace('_', ' ')}") as caught:
        runtime_of(policy=Policy(profile="shell", network=("127.0.0.1:1",)))

    assert caught.value.layer == "network"
    assert "pid_namespace and the network_namespace" in caught.value.fix


def test_without_the_filter_the_network_of_a_program_leads_nowhere_else_all_the_same(machine_without):
    machine_without("seccomp")
    around = "import _socket\n_socket.socket(2, 1).connect(('127.0.0.1', port))"
    datagram = "import _socket\n_socket.socket(2, 2).sendto(b'x', ('192.0.2.1', 9))"
    with Listener() as listener:
        policy = Policy(profile="shell", network=(f"127.0.0.1:{listener.port}",), require=["network"])
        with runtime_of(policy=policy, spares=1) as runtime:
            outcomes = [
                runtime.execute(code, variables={"port": listener.port}).error.message
                for code in (around, datagram)
            ]
        assert ["refused" in outcomes[0], "unreachable" in outcomes[1]] == [True, True]
        assert listener.callers() == 0


def test_a_second_policy_that_cannot_be_had_leaves_the_first_at_work(machine_without):
    with runtime_of(spares=1) as runtime:
        machine_without("seccomp")
        with pytest.raises(SandboxUnavailableError):
            runtime.execute("1", policy=Policy(packages=()))

        assert runtime.execute("1 + 1").value == 2


def test_the_trusted_profile_has_no_sandbox_and_says_so():
    with runtime_of(policy=Policy(profile="trusted"), spares=1) as runtime:
        report = runtime.sandbox_report()

        assert runtime.execute("open('/etc/passwd').read()[:4]").value == "root"
    assert not report.contained
    assert {"landlock", "seccomp"} <= {layer.name for layer in report.missing}


def test_the_trusted_profile_refuses_to_pretend():
    with pytest.raises(ConfigError, match=r"'rlimits' in the profile 'trusted', got .*seccomp"):
        Policy(profile="trusted", require=["seccomp"])


@pytest.mark.parametrize("profile", ["strict", "process", "trusted"])
def test_a_machine_that_lacks_nothing_meets_a_policy_that_requires_all_its_profile_can_have(profile):
    policy = Policy(profile=profile, require=Policy(profile=profile).possible_layers)
    with runtime_of(policy=policy, spares=0) as runtime:
        result = runtime.execute("6 * 7")

    assert result.value == 42
    assert policy.required_layers <= {name for name, active in result.sandbox.items() if active}


FOUND = [
    LayerReport("landlock", True, "p", "refused"),
    LayerReport("seccomp", False, "p", "why not", "fix it"),
]


@pytest.mark.parametrize(
    ("required", "layer", "reason"),
    [
        ([], None, None),
        (["landlock"], None, None),
        (["seccomp"], "seccomp", "why not"),
        (["reliable_kill", "seccomp", "landlock"], "seccomp", "why not"),
        (["scratch", "landlock"], "scratch", "the probe says nothing about it"),
    ],
)
def test_a_required_layer_counts_only_if_the_probe_reports_it_and_reports_it_active(required, layer, reason):
    missing = _zygote_actor.first_missing(frozenset(required), FOUND)

    assert (missing and missing.layer, missing and missing.reason) == (layer, reason)


def test_a_trusted_guest_that_removes_its_folder_costs_only_itself():
    with runtime_of(policy=Policy(profile="trusted"), spares=1) as runtime:
        for _ in range(3):
            runtime.execute("import os; os.rmdir(os.getcwd())")

        assert runtime.execute("1 + 1").value == 2
        assert {node.generation for node in runtime.tree().walk()} == {1}

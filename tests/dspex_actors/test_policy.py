"""Policies: what guest code may do, checked once, equal by what they say."""

from __future__ import annotations

import pytest

from dspex_actors import ConfigError, Policy, Profile
from dspex_actors._policy import ESSENTIAL_LAYERS, LAYERS


@pytest.mark.parametrize("profile", list(Profile))
def test_a_profile_may_be_given_by_name_or_as_the_enum(profile):
    assert Policy(profile=profile.value) == Policy(profile=profile)
    assert Policy(profile=profile.value).profile is profile


@pytest.mark.parametrize("profile", ["", "Process", "root", None, 5, [], {"a"}, b"process"])
def test_an_unknown_profile_is_refused_with_the_known_ones(profile):
    with pytest.raises(ConfigError, match="strict") as caught:
        Policy(profile=profile)

    assert caught.value.field == "Policy.profile"


@pytest.mark.parametrize("field", ["packages", "preload"])
@pytest.mark.parametrize("value", ["numpy", 5, None, b"numpy", [5], [""], [None], {"numpy": 1}, object()])
def test_names_that_are_no_sequence_of_texts_are_refused(field, value):
    with pytest.raises(ConfigError) as caught:
        Policy(**{field: value})

    assert caught.value.field == f"Policy.{field}"


@pytest.mark.parametrize("field", ["packages", "preload"])
def test_names_may_be_any_sequence_and_are_kept_as_a_tuple(field):
    assert getattr(Policy(**{field: ["a", "b"]}), field) == ("a", "b")
    assert getattr(Policy(**{field: ()}), field) == ()


@pytest.mark.parametrize(
    "environment",
    [
        {"A=B": "x"},
        {"A\0": "x"},
        {"A": "x\0"},
        {5: "x"},
        {"A": 5},
        {"A": None},
        {b"A": "x"},
        {"": "x"},
        {"A": "\udc80"},
        {"\ud800": "x"},
        5,
        None,
        "A=B",
        ["A"],
        [("A", 5)],
    ],
    ids=repr,
)
def test_an_environment_that_no_process_could_have_is_refused(environment):
    with pytest.raises(ConfigError) as caught:
        Policy(environment=environment)

    assert caught.value.field == "Policy.environment"


def test_an_environment_of_plain_texts_is_taken():
    assert Policy(environment={"LANG": "C.UTF-8", "EMPTY": "", "ü": "ö"}).environment["ü"] == "ö"


@pytest.mark.parametrize("require", [{"firewall"}, ["landlock", "x"], "landlock", 5, [["landlock"]], [5]])
def test_unknown_required_layers_are_refused_with_the_known_ones(require):
    with pytest.raises(ConfigError) as caught:
        Policy(require=require)

    assert caught.value.field == "Policy.require"


@pytest.mark.parametrize(
    ("profile", "require", "expected"),
    [
        ("strict", None, ESSENTIAL_LAYERS),
        ("process", None, ESSENTIAL_LAYERS),
        ("trusted", None, frozenset()),
        ("process", (), frozenset()),
        ("trusted", ["rlimits"], frozenset({"rlimits"})),
        ("shell", LAYERS, frozenset(LAYERS)),
    ],
)
def test_required_layers_default_to_the_essential_ones_unless_trusted(profile, require, expected):
    assert Policy(profile=profile, require=require).required_layers == expected


IMPOSSIBLE = {
    "strict": {"cgroup"},
    "process": {"cgroup"},
    "shell": set(),
    "trusted": set(LAYERS) - {"empty_environment", "closed_descriptors", "rlimits"},
}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("profile", IMPOSSIBLE)
def test_a_layer_that_the_profile_has_on_no_machine_cannot_be_required(profile, layer):
    assert (layer in Policy(profile=profile).possible_layers) is (layer not in IMPOSSIBLE[profile])
    if layer in IMPOSSIBLE[profile]:
        with pytest.raises(ConfigError, match=f"in the profile '{profile}', got .*{layer}") as caught:
            Policy(profile=profile, require=["rlimits", layer])
        assert (caught.value.field, caught.value.value) == ("Policy.require", [layer])
    else:
        assert Policy(profile=profile, require=["rlimits", layer]).required_layers == {"rlimits", layer}


@pytest.mark.parametrize("profile", list(Profile))
def test_all_that_a_profile_can_have_can_be_required_and_holds_what_it_requires_by_default(profile):
    possible = Policy(profile=profile).possible_layers

    assert Policy(profile=profile, require=possible).required_layers == possible
    assert possible >= Policy(profile=profile).required_layers


@pytest.mark.parametrize("field", ["allow_imports", "forbid_imports"])
@pytest.mark.parametrize("profile", ["process", "trusted"])
def test_import_rules_are_refused_where_the_language_could_walk_around_them(field, profile):
    with pytest.raises(ConfigError, match="strict"):
        Policy(profile=profile, **{field: ["os"]})

    assert getattr(Policy(profile="strict", **{field: ["os"]}), field) == ("os",)


@pytest.mark.parametrize("field", ["allow_imports", "forbid_imports"])
@pytest.mark.parametrize("rule", [":name", "module:", " :name", "module: ", "a:b:c", ":::x"])
def test_an_import_rule_without_a_module_or_with_an_empty_name_is_refused(field, rule):
    with pytest.raises(ConfigError, match="'module' or 'module:name'") as caught:
        Policy(profile="strict", **{field: ["math", rule]})

    assert (caught.value.field, caught.value.value) == (f"Policy.{field}", [rule])


EQUAL = [
    (Policy(), Policy(profile="process")),
    (Policy(environment={"A": "1", "B": "2"}), Policy(environment={"B": "2", "A": "1"})),
    (Policy(require=["landlock", "seccomp"]), Policy(require={"seccomp", "landlock"})),
    (Policy(require=ESSENTIAL_LAYERS), Policy()),
]
DIFFERENT = [
    Policy(),
    Policy(profile="strict"),
    Policy(profile="trusted"),
    Policy(packages=()),
    Policy(preload=("json",)),
    Policy(environment={"A": "1"}),
    Policy(environment={"A": "2"}),
    Policy(require=()),
    Policy(profile="strict", allow_imports=["os"]),
    Policy(profile="strict", forbid_imports=["os"]),
    Policy(network="host"),
    Policy(network=()),
    Policy(network=["example.org"]),
]


@pytest.mark.parametrize(("left", "right"), EQUAL)
def test_policies_that_say_the_same_have_one_key(left, right):
    assert left.key == right.key


def test_policies_that_say_different_things_have_different_keys():
    assert len({policy.key for policy in DIFFERENT}) == len(DIFFERENT)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("scratch_bytes", [None, 2**20, 2**60], [0, 2**20 - 1, 2**60 + 1, 1.5, True, "1"]),
        ("scratch_files", [None, 16, 10**6], [0, 15, -1, 16.0, False, "16"]),
    ],
)
def test_what_a_scratch_folder_may_hold_is_a_number_with_a_least_value_or_none(name, good, bad):
    for value in good:
        assert getattr(Policy(**{name: value}), name) == value
    for value in bad:
        with pytest.raises(ConfigError, match=f"Policy.{name}"):
            Policy(**{name: value})


def test_policies_with_other_scratch_folders_have_sandboxes_of_their_own():
    policies = [Policy(), Policy(scratch_bytes=2**20), Policy(scratch_files=16)]

    assert len({policy.key for policy in policies}) == 3


NETWORKS = [
    ("process", None, "none"),
    ("process", "none", "none"),
    ("process", "host", "host"),
    ("process", ["example.org"], "allow-list"),
    ("process", (), "allow-list"),
    ("shell", "host", "host"),
    ("shell", ["example.org"], "allow-list"),
    ("strict", None, "none"),
    ("strict", "none", "none"),
    ("trusted", None, "host"),
    ("trusted", "host", "host"),
]


@pytest.mark.parametrize(("profile", "network", "access"), NETWORKS)
def test_a_policy_gives_no_network_unless_it_says_so_or_trusts_its_guests(profile, network, access):
    assert Policy(profile=profile, network=network).network_access == access


@pytest.mark.parametrize(
    ("network", "lists"),
    [
        ("host", False),
        ((), False),
        (("example.org", "10.0.0.0/8:*", "[2001:db8::1]:1", "localhost:1", "*:443"), False),
        (("127.0.0.1:1",), True),
        (("127.1.2.3:*",), True),
        (("0.0.0.0/0:*",), True),
        (("[::1]:1",), True),
    ],
)
def test_a_policy_knows_whether_its_list_has_something_on_the_loopback_interface(network, lists):
    assert Policy(profile="shell", network=network).lists_loopback is lists


@pytest.mark.parametrize("network", ["host", ["example.org"]])
def test_the_strict_profile_has_no_sockets_and_refuses_any_network(network):
    with pytest.raises(ConfigError, match="no sockets") as caught:
        Policy(profile="strict", network=network)

    assert caught.value.field == "Policy.network"


@pytest.mark.parametrize("network", ["none", ["example.org"]])
def test_the_trusted_profile_refuses_to_pretend_that_it_takes_the_network_away(network):
    with pytest.raises(ConfigError, match="takes nothing away"):
        Policy(profile="trusted", network=network)


@pytest.mark.parametrize("profile", ["process", "shell"])
def test_a_network_that_is_open_is_not_required_to_be_closed(profile):
    assert Policy(profile=profile).required_layers == ESSENTIAL_LAYERS
    assert Policy(profile=profile, network=["a.org"]).required_layers == ESSENTIAL_LAYERS
    assert Policy(profile=profile, network="host").required_layers == ESSENTIAL_LAYERS - {"network"}


def test_lists_that_say_the_same_have_one_key():
    short, long = Policy(network=["Example.org."]), Policy(network=("example.org:443", "example.org"))

    assert short.network == long.network == ("example.org:443",)
    assert short.key == long.key

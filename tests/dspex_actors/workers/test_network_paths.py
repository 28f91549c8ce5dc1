"""What tells guests of a list where the proxy is, and whom to trust."""

from __future__ import annotations

import pytest

from dspex_actors import Policy
from dspex_actors.workers import _network_paths

PROXIES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"}


@pytest.mark.parametrize(("entry", "keeps_loopback"), [("example.org", True), ("127.0.0.1:1", False)])
def test_programs_find_the_proxy_in_their_environment_and_their_own_loopback_interface_beside_it(
    entry, keeps_loopback
):
    found = _network_paths.environment(Policy(profile="shell", network=(entry,)))

    assert {found[name] for name in PROXIES} == {"http://127.0.0.1:3128"}
    assert {"NO_PROXY", "no_proxy"} <= set(found) if keeps_loopback else "NO_PROXY" not in found
    assert found["NODE_USE_ENV_PROXY"] == "1"


@pytest.mark.parametrize(
    "policy",
    [
        Policy(),
        Policy(network=("example.org",)),
        Policy(profile="shell"),
        Policy(profile="shell", network="host"),
    ],
    ids=["none", "no programs", "shell without a network", "the host's network"],
)
def test_guests_that_have_no_proxy_find_nothing_of_one(policy):
    assert _network_paths.environment(policy) == {}
    assert _network_paths.proxy_of(policy) == ""


def test_programs_are_told_of_the_authorities_that_this_machine_trusts_if_they_are_in_one_file(
    tmp_path, monkeypatch
):
    bundle = tmp_path / "bundle.pem"
    monkeypatch.setattr(_network_paths, "_BUNDLES", (str(tmp_path / "missing"), str(bundle)))
    policy = Policy(profile="shell", network=("example.org",))

    assert "SSL_CERT_FILE" not in _network_paths.environment(policy)
    bundle.write_text("")
    found = _network_paths.environment(policy)
    assert (found["SSL_CERT_FILE"], found["NODE_EXTRA_CA_CERTS"]) == (str(bundle), str(bundle))

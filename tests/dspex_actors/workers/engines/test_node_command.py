"""How Node is started: by its version, and by what connections go through."""

from __future__ import annotations

import pytest

from dspex_actors.workers._protocol import EngineConfig
from dspex_actors.workers.engines.javascript._engine import NodeEngine
from dspex_actors.workers.engines.pyodide._engine import PyodideEngine


def javascript(version, **options):
    config = EngineConfig(maker="m:f", language="javascript", path="/node", version=version, **options)
    return NodeEngine(config)


def pyodide(version, **options):
    found = {"node": "/node", "node_version": version}
    config = EngineConfig(maker="m:f", language="pyodide", path="/image", version="0.29.0", **options)
    return PyodideEngine(EngineConfig(**{**_fields(config), "options": found}))


def _fields(config):
    return {name: getattr(config, name) for name in config.__struct_fields__}


@pytest.mark.parametrize("engine", [javascript, pyodide])
@pytest.mark.parametrize(
    ("version", "has_permissions", "opens_network"),
    [("22.13.0", False, False), ("24.12.1", True, False), ("25.0.0", True, True)],
)
def test_permissions_leave_the_network_to_the_sandbox_in_every_version(
    engine, version, has_permissions, opens_network
):
    node, *flags = engine(version).whole_command()

    assert node == "/node"
    assert ("--permission" in flags) is has_permissions
    assert ("--allow-net" in flags) is opens_network


@pytest.mark.parametrize("engine", [javascript, pyodide])
def test_with_a_proxy_node_loads_the_tunnel_before_the_driver_and_is_told_where_it_is(engine):
    without = engine("24.12.1").whole_command()
    node, flag, tunnel, *rest = engine("24.12.1", proxy="127.0.0.1:3128").whole_command()

    assert (node, flag, tunnel.endswith("javascript/tunnel.cjs")) == ("/node", "--require", True)
    assert rest == [*without[1:], "--proxy=127.0.0.1:3128"]


def test_with_a_proxy_node_does_not_look_for_one_by_itself_which_takes_it_long(monkeypatch):
    monkeypatch.setenv("NODE_USE_ENV_PROXY", "1")

    assert javascript("24.12.1").environment()["NODE_USE_ENV_PROXY"] == "1"
    assert "NODE_USE_ENV_PROXY" not in javascript("24.12.1", proxy="127.0.0.1:3128").environment()

"""What the arguments of a `Runtime` mean."""

from __future__ import annotations

from pathlib import Path

from dspex_actors._config import ExecutorConfig, RuntimeConfig
from dspex_actors._errors import ConfigError
from dspex_actors._limits import Limits
from dspex_actors._policy import Policy
from dspex_actors.executors.languages import Languages


def config_of(
    config: RuntimeConfig | None,
    policy: Policy | None,
    limits: Limits | None,
    control: str | Path | None = None,
) -> RuntimeConfig:
    """Return the config that the arguments of `Runtime` mean.

    Raises:
        ConfigError: both a config and single settings, or not a config, or one that names the engine of what
            is no language, or of Python, which workers bring themselves.
    """
    given = {"policy": policy, "limits": limits, "control": control}
    single = [name for name, value in given.items() if value is not None]
    if config is None:
        executor = ExecutorConfig(policy=policy or Policy(), limits=limits or Limits())
        return RuntimeConfig(executor=executor, control=control)
    if not isinstance(config, RuntimeConfig):
        raise ConfigError("config", config, "a RuntimeConfig")
    if single:
        raise ConfigError("Runtime", single, "given either a config or single settings, not both")
    _check_engines(config)
    return config


def _check_engines(config: RuntimeConfig) -> None:
    """Refuse engines that nothing would ever use.

    Raises:
        ConfigError: there is one.
    """
    if not config.engines:
        return
    known = [row.name for row in Languages(config.languages) if not row.is_python]
    for name in config.engines:
        if name not in known:
            allowed = f"a mapping with keys out of {', '.join(map(repr, known))}"
            raise ConfigError("engines", name, allowed)


def check_apart(control: str | Path | None, policy: Policy) -> None:
    """Refuse a policy whose guests would see the runtime's control socket.

    Raises:
        ConfigError: one of its read paths holds the socket, by its name or by where links lead.
    """
    if control is None:
        return
    socket = {Path(control), Path(control).resolve()}
    for name in policy.read_paths:
        if any(
            path.is_relative_to(folder) for folder in (Path(name), Path(name).resolve()) for path in socket
        ):
            raise ConfigError("Policy.read_paths", name, f"paths without the control socket {control}")

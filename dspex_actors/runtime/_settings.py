"""What the arguments of a `Runtime` mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dspex_actors._config import ExecutorConfig, RuntimeConfig
from dspex_actors._errors import ConfigError
from dspex_actors._limits import Limits
from dspex_actors._policy import Policy

if TYPE_CHECKING:
    from pathlib import Path


def config_of(
    config: RuntimeConfig | None,
    policy: Policy | None,
    limits: Limits | None,
    control: str | Path | None = None,
) -> RuntimeConfig:
    """Return the config that the arguments of `Runtime` mean.

    Raises:
        ConfigError: both a config and single settings, or not a config.
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
    return config

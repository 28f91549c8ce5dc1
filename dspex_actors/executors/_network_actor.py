"""The actor that owns the proxy of a policy whose network is a list.

It starts before the zygote and ends after it. When its event loop fails the actor fails with it, and all of
the policy's sandbox is started anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dspex_actors._errors import ConfigError
from dspex_actors._network import parse_rule
from dspex_actors.executors._messages import GetNetwork
from dspex_actors.executors._proxy import Proxy
from supervisors import Crash, GenServer, Refuse, Stop

if TYPE_CHECKING:
    from dspex_actors._policy import Policy
    from supervisors import Sender


class _LoopFailed:
    """Sent by the loop's thread when it has ended by a failure."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class NetworkActor(GenServer):
    """Owns what makes the connections of one policy's guests."""

    def init(self, policy: Policy) -> None:
        """Start the event loop.

        Args:
            policy: with a list as its network.
        """
        pid = self.pid
        rules = tuple(parse_rule(text) for text in policy.network or ())
        self._proxy = Proxy(
            rules,
            self.system.run_in_thread,
            self.system.abandoned.add,
            lambda error: pid.send_info(_LoopFailed(error)),
        )
        self.pid.on_release(self._proxy.close)

    def handle_call(self, message: object, sender: Sender) -> Any:  # noqa: ANN401, ARG002 -- the reply to the one message
        """Hand out the proxy.

        Raises:
            Refuse: it is not asked for.
        """
        if isinstance(message, GetNetwork):
            return self._proxy
        raise Refuse(ConfigError("message", message, "GetNetwork()"))

    def handle_info(self, message: object) -> Stop | None:
        """Take the end of the loop."""
        if isinstance(message, _LoopFailed):
            return Stop(Crash.from_exception(message.error))
        super().handle_info(message)
        return None

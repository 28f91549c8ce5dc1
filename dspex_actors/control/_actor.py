"""The actor that owns a control socket, and takes it again when it had to let it go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dspex_actors._errors import ConfigError
from dspex_actors._log import log
from dspex_actors.control._listener import ControlListener
from dspex_actors.control._place import ControlPlace
from supervisors import Crash, GenServer, Refuse, Shutdown, Stop

if TYPE_CHECKING:
    from dspex_actors.control._conversation import Answer
    from supervisors import Sender

RETRY_S: Final = 5.0  # seconds until a path that could not be had is tried again; arbitrary


class ControlDoor:
    """A control socket as it is asked for; outlives the actor's incarnations.

    Args:
        path: of the socket.
        answer: does what clients ask, in threads of the tree.
    """

    def __init__(self, path: str, answer: Answer) -> None:
        self.path = path
        self.answer = answer
        self.was_open = False


class _TryAgain:
    """Sent to itself."""


class _ListenerFailed:
    """Sent by the listener's thread when it has ended by a fault."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class ControlActor(GenServer):
    """Owns one control socket.

    Its first incarnation does not start without the path. A later one whose path cannot be had, for example
    because somebody has opened its folder to others, logs that and tries again: a runtime does not end for
    want of it.
    """

    def init(self, door: ControlDoor) -> Stop | None:
        """Listen.

        Args:
            door: where, and what for.

        Returns:
            None; a `Stop` with the `ConfigError` if the path cannot be had the first time.
        """
        self._door = door
        try:
            self._open()
        except (ConfigError, OSError) as error:
            if not door.was_open:
                return Stop(Shutdown(_meaning(error, door.path)))
            self._try_later(error)
        return None

    def handle_call(self, message: object, sender: Sender) -> Any:  # noqa: ANN401, ARG002 -- there are no messages
        """Refuse: whoever wants something uses the socket.

        Raises:
            Refuse: always.
        """
        raise Refuse(ConfigError("message", message, "nothing: a ControlActor takes no messages"))

    def handle_info(self, message: object) -> Stop | None:
        """Take the end of the listener's thread, or try again."""
        if isinstance(message, _ListenerFailed):
            return Stop(Crash.from_exception(message.error))
        if isinstance(message, _TryAgain):
            try:
                self._open()
            except (ConfigError, OSError) as error:
                self._try_later(error)
            return None
        super().handle_info(message)
        return None

    def _open(self) -> None:
        pid = self.pid
        place = ControlPlace.take(self._door.path)
        listener = ControlListener(
            place, self._door.answer, self.system, lambda error: pid.send_info(_ListenerFailed(error))
        )
        pid.on_release(listener.close)
        self._door.was_open = True

    def _try_later(self, error: Exception) -> None:
        log("error", "control.unavailable", path=self._door.path, error=error)
        self.send_after(RETRY_S, _TryAgain())


def _meaning(error: ConfigError | OSError, path: str) -> ConfigError:
    if isinstance(error, ConfigError):
        return error
    return ConfigError(
        "control", path, f"a path at which this machine can listen ({error.strerror or error})"
    )

"""What an instance of a module is talked to by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dspex_actors.modules._instance import (
    CallMethod,
    GetModuleState,
    GetModuleVersion,
    SaveModuleState,
)
from supervisors import resume, suspend

if TYPE_CHECKING:
    from dspex_actors.modules._version_table import ModuleVersion
    from supervisors import Address, CallFuture

TIMEOUT_S: Final = 60.0


class InstanceHandle:
    """One instance, by name: it stays valid over restarts and reloads. Any thread may use it.

    Made by `Modules.start_instance` and `Modules.instance`. While the instance is being restarted, a call
    raises `ActorExitedError` at once and a cast is dropped; during a reload both wait.

    Args:
        address: of the instance.
        module_id: of which module.
        name: of the instance.
        timeout_s: seconds to wait for one answer, None for ever; `with_timeout` changes it.
    """

    def __init__(
        self, address: Address, module_id: str, name: str, *, timeout_s: float | None = TIMEOUT_S
    ) -> None:
        self.address = address
        self.module_id = module_id
        self.name = name
        self.timeout_s = timeout_s

    def __repr__(self) -> str:
        return f"<InstanceHandle {self.module_id}/{self.name}>"

    def with_timeout(self, timeout_s: float | None) -> InstanceHandle:
        """Return a handle of the same instance whose calls wait that many seconds; None for ever."""
        return InstanceHandle(self.address, self.module_id, self.name, timeout_s=timeout_s)

    def call(self, method: str, /, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- the method's own
        """Call a method of the object and wait for its value, which is not copied.

        Args:
            method: its name; public, or `"__call__"`. One that is asynchronous runs to its end in the
                instance's thread.
            args: for it.
            kwargs: for it.

        Raises:
            ConfigError: there is no such method.
            CallTimeoutError: no value in time; the instance may still be at it.
            ActorExitedError: the instance is not there, or ended meanwhile.
            Exception: what the method raised.
        """
        return self.address.call(CallMethod(method, args, kwargs), self.timeout_s)

    def submit(self, method: str, /, *args: Any, **kwargs: Any) -> CallFuture:  # noqa: ANN401 -- as above
        """Like `call`, but return the future of the value at once."""
        return self.address.call_async(CallMethod(method, args, kwargs))

    async def acall(self, method: str, /, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- as above
        """Like `call`, awaited: the event loop goes on meanwhile."""
        return await self.address.acall(CallMethod(method, args, kwargs), self.timeout_s)

    def cast(self, method: str, /, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- as above
        """Call a method nobody waits for; what it raises is logged."""
        self.address.cast(CallMethod(method, args, kwargs))

    @property
    def version(self) -> ModuleVersion:
        """The version its object is of."""
        version: ModuleVersion = self.address.call(GetModuleVersion(), self.timeout_s)
        return version

    def state(self) -> Any:  # noqa: ANN401 -- whatever the object says its state is
        """Return the state of its object; a copy.

        Raises:
            Exception: what its `dump_state` raised.
        """
        return self.address.call(GetModuleState(), self.timeout_s)

    def save(self) -> None:
        """Save the state now: a restart begins with it.

        Raises:
            Exception: what its `dump_state` raised.
        """
        self.address.call(SaveModuleState(), self.timeout_s)

    def suspend(self) -> None:
        """Let it take no calls until `resume`; they wait. Quiet if it is suspended.

        Raises:
            CallTimeoutError: it was busy with one call for too long.
        """
        suspend(self.address, self.timeout_s)

    def resume(self) -> None:
        """Let it take calls again, first those that came meanwhile."""
        resume(self.address, self.timeout_s)

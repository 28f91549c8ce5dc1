"""Ways to drive an operation against a store: wait in this thread, keep a future, await."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from dspex_actors.state._door import NOT_NOW
from dspex_actors.state._messages import ReadState
from dspex_actors.state._storage_errors import StorageError, StorageUnavailableError
from supervisors import ActorExitedError, CallTimeoutError

if TYPE_CHECKING:
    from dspex_actors.state._door import Door
    from dspex_actors.state._messages import Request
    from dspex_actors.state._operations import Operation
    from supervisors import Address, CallFuture

_T = TypeVar("_T")


def lost(error: ActorExitedError | CallTimeoutError, request: Request) -> StorageError:
    """Return the error for a store that did not answer: it may have done what it was asked for."""
    name = type(request).__name__
    written = False if name.startswith(("Read", "Load", "List", "Get", "Check")) else None
    return StorageUnavailableError("store", f"answer {name}", str(error), written=written)


def check_there(address: Address, request: Request) -> None:
    """Refuse to send a request to a store that is not there.

    Raises:
        StorageUnavailableError: it is being restarted, or has ended; nothing was written, for certain.
    """
    if not address.alive:
        reason = f"{address.name} is being restarted, or has ended"
        raise StorageUnavailableError("store", f"answer {type(request).__name__}", reason)


def drive(
    operation: Operation[_T], address: Address, timeout_s: float | None, door: Door | None = None
) -> _T:
    """Do an operation in this thread; what it reads also by `door`, if there is one.

    Raises:
        StorageUnavailableError: the store ended, or did not answer in time.
        Exception: what the operation raises.
    """
    try:
        request = next(operation)
        while True:
            reply: Any = NOT_NOW
            try:
                if door is not None and isinstance(request, ReadState):
                    reply = door.read(request)
                if reply is NOT_NOW:
                    check_there(address, request)
                    reply = address.call(request, timeout_s)
            except (ActorExitedError, CallTimeoutError) as error:
                request = operation.throw(lost(error, request))
            except Exception as error:  # noqa: BLE001 -- the operation decides which errors it can handle
                request = operation.throw(error)
            else:
                request = operation.send(reply)
    except StopIteration as stop:
        result: _T = stop.value
        return result


async def adrive(operation: Operation[_T], address: Address, timeout_s: float | None) -> _T:
    """Do an operation from an event loop: what takes CPU goes to a thread of the loop's executor.

    Raises:
        StorageUnavailableError: the store ended, or did not answer in time.
        Exception: what the operation raises.
    """
    import asyncio  # noqa: PLC0415 -- callers without a loop should not pay for it

    reply: Any = None
    failure: BaseException | None = None
    while True:
        request = await asyncio.to_thread(_step, operation, reply, failure)
        if isinstance(request, _Result):
            result: _T = request.value
            return result
        reply = failure = None
        try:
            check_there(address, request)
            reply = await address.acall(request, timeout_s)
        except (ActorExitedError, CallTimeoutError) as error:
            failure = lost(error, request)
        except Exception as error:  # noqa: BLE001 -- the operation decides which errors it can handle
            failure = error


class _Result:
    """What an operation returned: a StopIteration cannot be raised out of a thread's future."""

    def __init__(self, value: Any) -> None:  # noqa: ANN401 -- any result
        self.value = value


def _step(operation: Operation[_T], reply: object, failure: BaseException | None) -> Request | _Result:
    try:
        return operation.send(reply) if failure is None else operation.throw(failure)
    except StopIteration as stop:
        return _Result(stop.value)


class StateFuture(Generic[_T]):
    """The result of an operation that was begun; from `States.submit_save` and its like.

    The first message is sent at once. What is left to do after its reply, such as unpacking a state, is done
    by the first thread that asks for the result.
    """

    def __init__(self, operation: Operation[_T], address: Address) -> None:
        self._operation = operation
        self._address = address
        self._lock = threading.Lock()
        self._value: _T | None = None
        self._error: BaseException | None = None
        self._reply: CallFuture | None = None
        self._send(next(operation))

    def __repr__(self) -> str:
        return f"<StateFuture of {type(self._request).__name__}{' done' if self.done else ''}>"

    @property
    def done(self) -> bool:
        """Whether the store has answered."""
        reply = self._reply
        return reply is None or reply.done

    def result(self, timeout_s: float | None = None) -> _T:
        """Wait for the result; more often than once is allowed.

        Args:
            timeout_s: seconds to wait for one answer of the store; None for ever. After it, ask again.

        Raises:
            TimeoutError: there was no answer in time.
            StorageUnavailableError: the store ended first.
            Exception: what the operation raises.
        """
        with self._lock:
            while self._reply is not None:
                self._go_on(self._reply, timeout_s)
            if self._error is not None:
                raise self._error
            return self._value  # type: ignore[return-value]  # set together with `_reply = None`

    def abandon(self) -> bool:
        """Give up; a save that has not begun is not done. False if it was answered already."""
        reply = self._reply
        return reply is not None and reply.abandon()

    def _go_on(self, reply: CallFuture, timeout_s: float | None) -> None:
        value: Any = None
        failure: BaseException | None = None
        try:
            value = reply.get(timeout=timeout_s)
        except CallTimeoutError as error:
            if not reply.done:
                raise TimeoutError(str(error)) from None
            failure = error
        except ActorExitedError as error:
            failure = lost(error, self._request)
        except Exception as error:  # noqa: BLE001 -- the operation decides which errors it can handle
            failure = error
        self._take(value, failure)

    def _take(self, value: Any, failure: BaseException | None) -> None:  # noqa: ANN401 -- any reply
        """Give the operation a reply or what there is instead, and do what it wants next."""
        self._reply = None
        try:
            request = _step(self._operation, value, failure)
        except BaseException as error:  # noqa: BLE001 -- kept for whoever asks
            self._error = error
            return
        if isinstance(request, _Result):
            self._value = request.value
        else:
            self._send(request)

    def _send(self, request: Request) -> None:
        self._request = request
        try:
            check_there(self._address, request)
        except StorageUnavailableError as error:
            self._take(None, error)
        else:
            self._reply = self._address.call_async(request)

"""What a runtime answers to who asks by its control socket. Everything runs in the thread of one client."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from dspex_actors._errors import ConfigError, DspexError, RuntimeClosedError
from dspex_actors.control import _protocol as said
from dspex_actors.control._errors import ClientGoneError, ControlProtocolError, RequestFailedError
from dspex_actors.modules import (
    EventsMissed,
    HotReload,
    InstanceLost,
    InstanceRestarted,
    ModuleError,
    ReloadError,
    ReloadFailed,
    RollBack,
)
from dspex_actors.modules._modules_handle import core_of
from supervisors import ActorExitedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from dspex_actors.control._conversation import Conversation
    from dspex_actors.control._errors import FailureKind
    from dspex_actors.modules import ModuleEvent, ModuleInfo, Modules, ReloadReport
    from supervisors import CallFuture

_EVENTS: Final = {
    "ModuleRegistered": "registered",
    "ModuleUnregistered": "unregistered",
    "ReloadStarted": "reload_started",
    "HotReloaded": "hot_reloaded",
    "ReloadFailed": "reload_failed",
    "RolledBack": "rolled_back",
    "InstanceRestarted": "instance_restarted",
    "InstanceLost": "instance_lost",
}


class Answers:
    """Does what is asked.

    Args:
        modules: returns the runtime's modules, or raises `RuntimeClosedError`.
    """

    def __init__(self, modules: Callable[[], Modules]) -> None:
        self._modules = modules

    def answer(self, request: said.Request, client: Conversation) -> None:
        """Send what answers a request.

        Raises:
            RequestFailedError: it cannot be done, and why.
            ClientGoneError: nobody waits for it.
        """
        try:
            self._answer(request, client)
        except (ClientGoneError, ControlProtocolError, RequestFailedError):
            raise
        except (DspexError, ActorExitedError) as error:
            raise RequestFailedError(_kind_of(error), str(error)) from error

    def _answer(self, request: said.Request, client: Conversation) -> None:
        modules = self._modules()
        match request:
            case said.ListModules(pattern=pattern, type=type_, version=version, tags=tags):
                for info in modules.discover(pattern, type=type_, version=version, tags=tags):
                    client.send(_row(modules, info))
            case said.ShowModule(module_id=module_id):
                _show(modules, module_id, client)
            case said.ReloadModule(module_id=module_id, version=version, source=source, when_busy=when_busy):
                message = HotReload(module_id, version, source, when_busy, **_wait(request.suspend_s))
                _change(modules, message, client)
            case said.RollBackModule(module_id=module_id, when_busy=when_busy):
                _change(modules, RollBack(module_id, when_busy, **_wait(request.suspend_s)), client)
            case said.WatchEvents(pattern=pattern):
                _watch(modules, pattern, client)


def _kind_of(error: Exception) -> FailureKind:
    match error:
        case ReloadError():
            return "failed"
        case RuntimeClosedError() | ActorExitedError():
            return "unavailable"
        case ModuleError() | ConfigError():
            return "usage"
    return "internal"


def _wait(seconds: float | None) -> dict[str, float]:
    return {} if seconds is None else {"suspend_s": seconds}


# -- showing


def _row(modules: Modules, info: ModuleInfo) -> said.ModuleRow:
    wanted, live = core_of(modules).tables.counts(info.module_id)
    return said.ModuleRow(
        module_id=info.module_id,
        version=info.version.version,
        digest=info.version.digest,
        type=said.text(info.spec.type),
        isolation=info.spec.isolation.value,
        tags=_listed(sorted(info.spec.tags)),
        instances=wanted,
        live=live,
    )


def _show(modules: Modules, module_id: str, client: Conversation) -> None:
    info, versions = modules.get(module_id), modules.versions(module_id)
    spec = info.spec
    client.send(
        said.ModuleDetails(
            module_id=info.module_id,
            version=versions.current.version,
            digest=versions.current.digest,
            type=said.text(spec.type),
            target=said.text(spec.target),
            source=None if spec.source is None else said.text(spec.source),
            reload_root=spec.root or None,
            isolation=spec.isolation.value,
            checkpoint=spec.checkpoint.value,
            when_failed=spec.when_failed.value,
            hot_reload=core_of(modules).hot_reload_enabled,
            tags=_listed(sorted(spec.tags)),
            metadata=_plain(spec.metadata),
            old=tuple(
                said.VersionRow(version=each.version, digest=each.digest)
                for each in versions.old[: said.MAX_LISTED]
            ),
        )
    )
    tables = core_of(modules).tables
    live = tables.live([module_id])
    for key in tables.wanted(module_id):
        saved = tables.saved(key)
        client.send(
            said.InstanceRow(
                name=key[1],
                live=key in live,
                version=versions.pins.get(key[1], versions.current.version),
                pinned=key[1] in versions.pins,
                saved=None if saved is None else saved.version.version,
            )
        )


def _listed(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(said.text(each) for each in texts)[: said.MAX_LISTED]


def _plain(metadata: Mapping[str, object]) -> dict[str, str | int | float | bool | None]:
    """Return what JSON has a type for as it is, and the text of anything else."""
    plain: dict[str, str | int | float | bool | None] = {}
    for name, value in list(metadata.items())[: said.MAX_LISTED]:
        if value is None or type(value) in (bool, float) or (type(value) is int and abs(value) < 2**53):
            plain[said.text(name)] = value  # type: ignore[assignment]  # one of these
        else:
            plain[said.text(name)] = said.text(value if type(value) is str else repr(value))
    return plain


# -- changing


def _change(modules: Modules, message: HotReload | RollBack, client: Conversation) -> None:
    """Have the registry do it, and wait for it as long as the client does and the runtime is there."""
    future = modules.address.child("registry").call_async(message)
    report: ReloadReport = _outcome(future, client)
    client.send(
        said.Reloaded(
            module_id=report.module_id,
            old=report.old,
            new=report.new,
            changed=report.changed,
            modules=_listed(report.modules),
            upgraded=len(report.upgraded),
            restarted=len(report.restarted),
            suspended_s=report.suspended_s,
        )
    )


def _outcome(future: CallFuture, client: Conversation) -> ReloadReport:
    over = threading.Event()
    future.add_done_callback(lambda _: over.set())
    client.on_close(over.set)
    over.wait()
    if future.abandon():
        raise ClientGoneError("the runtime is stopping")
    report: ReloadReport = future.get(timeout=0)
    return report


# -- watching


def _watch(modules: Modules, pattern: str, client: Conversation) -> None:
    begun = threading.Event()

    def tell(event: ModuleEvent | EventsMissed) -> None:
        begun.wait()
        try:
            client.send(_event(event))
        except ClientGoneError:
            return  # the client's own thread ends the watch

    client.take_time()
    end = modules.subscribe(pattern, tell)
    try:
        client.send(said.Watching(pattern=pattern))
        begun.set()
        client.wait_gone()
    finally:
        begun.set()
        end()


def _event(event: ModuleEvent | EventsMissed) -> said.Event | said.Missed:
    if isinstance(event, EventsMissed):
        return said.Missed(count=event.count)
    change = event.change
    instance = step = reason = None
    match change:
        case ReloadFailed():
            step, reason = change.step, said.text(change.reason)
        case InstanceRestarted():
            instance = change.instance
        case InstanceLost():
            instance, reason = change.instance, said.text(change.reason)
    return said.Event(
        number=event.number,
        module_id=event.module_id,
        event=_EVENTS[type(change).__name__],
        old=change.old,
        new=change.new,
        old_digest=change.old_digest,
        new_digest=change.new_digest,
        instance=instance,
        step=step,
        reason=reason,
    )

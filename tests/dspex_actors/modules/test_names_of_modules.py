"""What the completion of `Modules` shows: its contract, and that of any handle."""

from __future__ import annotations

from dspex_actors.modules import Modules
from supervisors import Handle

CONTRACT = {
    "open",
    "close",
    "register",
    "unregister",
    "get",
    "discover",
    "versions",
    "start_instance",
    "instance",
    "instance_names",
    "stop_instance",
    "pin",
    "unpin",
    "hot_reload",
    "rollback",
    "watch",
    "subscribe",
    "watch_files",
}


def public(names):
    return {name for name in names if not name.startswith("_")}


def test_modules_show_the_names_of_their_contract_and_of_a_handle_alone():
    assert public(dir(Modules())) == CONTRACT | public(dir(Handle("any"))) | {"actor_class"}

"""A module that is reloaded while it works, and three ways to be told of it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import dspex_actors as dspex
from dspex_actors.modules import EventsMissed, ModuleEvent, ModuleSpec, ReloadError
from supervisors import GenServer

# expect: 1.1.0 greets for the 3rd time: Good day, Ada!

FIRST = """
class Greeter:
    greeted = 0
    def greet(self, name):
        self.greeted += 1
        return f"Hello, {name}!"
"""
CHANGE = """
    @staticmethod
    def code_change(old_version, state):  # the state of the old object, for the new one
        return {"greeted": state.get("greeted", 0)}
"""
SECOND = FIRST.replace("Hello", "Good day") + CHANGE


class Auditor(GenServer):
    """Is told in its mailbox; one under a supervisor would subscribe in its `init`."""

    def handle_info(self, message: ModuleEvent | EventsMissed) -> None:
        """Print what happened."""
        if isinstance(message, ModuleEvent):
            print(f"auditor: {message.module_id}: {type(message.change).__name__}")


with tempfile.TemporaryDirectory() as folder, dspex.Runtime() as rt, Auditor.start() as auditor:
    path = Path(folder) / "greeter.py"
    path.write_text(FIRST, encoding="utf-8")
    rt.modules.register(ModuleSpec("greeter", target="Greeter", version="1.0.0", source=path))
    rt.modules.subscribe("greet*", auditor)
    told: list[object] = []
    rt.modules.subscribe("*", told.append)  # called in a thread of the runtime, one event after the other
    greeter = rt.modules.start_instance("greeter")
    print(greeter.call("greet", "Ada"))

    with rt.modules.watch("greet*") as events:
        path.write_text(SECOND.replace("def greet", "def greet("), encoding="utf-8")
        try:
            rt.modules.hot_reload("greeter", "1.1.0")
        except ReloadError as error:
            print("as it was:", error.step, greeter.call("greet", "Ada"))
        path.write_text(SECOND, encoding="utf-8")
        rt.modules.hot_reload("greeter", "1.1.0")
        print("iterator:", [type(events.get(timeout=5).change).__name__ for _ in range(4)])
    answer = greeter.call("greet", "Ada")
    print(f"{greeter.version.version} greets for the {greeter.state()['greeted']}rd time: {answer}")

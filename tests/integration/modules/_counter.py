"""A module of three files that says at each call of which version everything it uses is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.dspex_actors.modules._written import Written

FIRST = "VERSION = {version}\n"
SECOND = """
from PACKAGE.first import VERSION as FIRST
{second}
VERSION = {version}
"""
THIRD = """
import PACKAGE.first
{third}
from PACKAGE.second import FIRST, VERSION as SECOND

VERSION = {version}

class Counter:
    made_by = VERSION

    def __init__(self):
        self.calls, self.version = 0, VERSION

    def count(self):
        self.calls += 1
        used = PACKAGE.first.VERSION, FIRST, SECOND, VERSION, self.made_by, self.version
        return used, self.calls

    def dump_state(self):
        return {{"calls": self.calls, "version": self.version}}

    def load_state(self, state):
        self.__dict__.update(state)
        {load_state}

    @classmethod
    def code_change(cls, old, state):
        {code_change}
        return {{**state, "version": VERSION}}
"""


@dataclass(frozen=True)
class Fault:
    """One way in which a version does not load: what stands where, and the step that fails."""

    step: str
    first: str = ""
    second: str = ""
    third: str = ""
    code_change: str = "pass"
    load_state: str = "pass"


SOUND = Fault("")
FAULTS = (
    Fault("compile", third="def broken(:"),
    Fault("execute", third="import a_module_that_is_not_there"),
    Fault("code_change", code_change="raise ValueError('not from there')"),
    Fault("load_state", load_state="raise ValueError('not with that')"),
    Fault("execute", second="LEAKED = 1\n1 / 0"),
)


def write_version(package: Written, version: int, fault: Fault = SOUND) -> None:
    """Write the three files of a version."""
    package.write("first", FIRST.format(version=version) + fault.first)
    package.write("second", SECOND.format(version=version, second=fault.second))
    package.write(
        "third",
        THIRD.format(
            version=version,
            third=fault.third,
            code_change=fault.code_change,
            load_state=fault.load_state,
        ),
    )

"""Supervision trees for pykka actors, after Erlang/OTP.

    class Counter(GenServer):
        def init(self, start=0):
            self.value = start

        def handle_call(self, message, sender):
            self.value += message
            return self.value

    with Supervisor.start([Counter.child_spec(10, id="counter")], strategy="one_for_one") as tree:
        tree.child("counter").call(5)  # 15

Write servers as `GenServer`, wrap operating system processes in `OsProcess`, put them under a `Supervisor`
(an ordered list) or a `DynamicSupervisor` (on demand). Talk to them through an `Address`: `call`, `cast`,
`acall`. An error in a handler ends its actor; its supervisor starts a new one; the address stays valid.

Defaults: `permanent` children, 3 restarts in 5 s, 5 s to stop for a worker and no limit for a supervisor, 5 s
for a call.
"""

from __future__ import annotations

from supervisors._abandoned import Abandoned
from supervisors._address import Address, StopResult
from supervisors._ancestry import ancestors, callers
from supervisors._backoff import Backoff
from supervisors._boot import NO_REPLY, Continue, Info, Stop, Timeout
from supervisors._child_spec import (
    AutoShutdown,
    ChildSpec,
    ChildType,
    Restart,
    Start,
    Strategy,
    SupervisorFlags,
    SupervisorInit,
)
from supervisors._clock import Clock, MonotonicClock, Timer, TimerService
from supervisors._dynamic_supervisor import DynamicSupervisor
from supervisors._errors import (
    AbandonedExceededError,
    ActorExitedError,
    CallAbandonedError,
    CallCycleError,
    CallTimeoutError,
    ChildNotFoundError,
    ChildSpecError,
    ChildStateError,
    DuplicateChildError,
    MaxChildrenError,
    NameTakenError,
    NoPartitionsError,
    NotAnActorError,
    NotJoinedError,
    NotRegisteredError,
    NotReplaceableError,
    NotSuspendedError,
    OsProcessExitedError,
    Refuse,
    RegistryKeysError,
    RestartsExceededError,
    StartError,
    SupervisorError,
    UnknownRegistryError,
    UnstableKeyError,
)
from supervisors._future import CallFuture, Sender
from supervisors._gen_server import IGNORE, GenServer
from supervisors._groups import GroupJoined, GroupLeft, GroupRef, Groups
from supervisors._handle import Handle
from supervisors._inspected import ActorStatus
from supervisors._launch import Command, Launch
from supervisors._os_process import OsProcess
from supervisors._partition_supervisor import PartitionSupervisor, PartitionVia
from supervisors._pid import Pid
from supervisors._reasons import (
    KILLED,
    NO_PROCESS,
    NORMAL,
    SHUTDOWN,
    Crash,
    ExitReason,
    FailedToStart,
    Killed,
    NoProcess,
    Normal,
    Shutdown,
    is_abnormal,
)
from supervisors._registry import Registry
from supervisors._registry_messages import Registered, RegistryKeys, Unregistered
from supervisors._registry_tables import Registration
from supervisors._registry_via import AlreadyStarted, RegistryVia
from supervisors._requests import StartedChild
from supervisors._signals import Down, Exit, MonitorRef, ProcessExited
from supervisors._supervisor import Supervisor
from supervisors._supervisor_address import SupervisorAddress
from supervisors._sys import change_code, get_state, get_status, replace_state, resume, suspend
from supervisors._system import System
from supervisors._task import Task, TaskExited, TaskFinished
from supervisors._task_supervisor import TaskSupervisor
from supervisors._timers import Timers
from supervisors._tree import ChildCounts, ChildInfo, ChildState, TreeNode
from supervisors._via import Via
from supervisors._warm_spare import WarmSpare
from supervisors.telemetry import Telemetry

__all__ = [
    "IGNORE",
    "KILLED",
    "NORMAL",
    "NO_PROCESS",
    "NO_REPLY",
    "SHUTDOWN",
    "Abandoned",
    "AbandonedExceededError",
    "ActorExitedError",
    "ActorStatus",
    "Address",
    "AlreadyStarted",
    "AutoShutdown",
    "Backoff",
    "CallAbandonedError",
    "CallCycleError",
    "CallFuture",
    "CallTimeoutError",
    "ChildCounts",
    "ChildInfo",
    "ChildNotFoundError",
    "ChildSpec",
    "ChildSpecError",
    "ChildState",
    "ChildStateError",
    "ChildType",
    "Clock",
    "Command",
    "Continue",
    "Crash",
    "Down",
    "DuplicateChildError",
    "DynamicSupervisor",
    "Exit",
    "ExitReason",
    "FailedToStart",
    "GenServer",
    "GroupJoined",
    "GroupLeft",
    "GroupRef",
    "Groups",
    "Handle",
    "Info",
    "Killed",
    "Launch",
    "MaxChildrenError",
    "MonitorRef",
    "MonotonicClock",
    "NameTakenError",
    "NoPartitionsError",
    "NoProcess",
    "Normal",
    "NotAnActorError",
    "NotJoinedError",
    "NotRegisteredError",
    "NotReplaceableError",
    "NotSuspendedError",
    "OsProcess",
    "OsProcessExitedError",
    "PartitionSupervisor",
    "PartitionVia",
    "Pid",
    "ProcessExited",
    "Refuse",
    "Registered",
    "Registration",
    "Registry",
    "RegistryKeys",
    "RegistryKeysError",
    "RegistryVia",
    "Restart",
    "RestartsExceededError",
    "Sender",
    "Shutdown",
    "Start",
    "StartError",
    "StartedChild",
    "Stop",
    "StopResult",
    "Strategy",
    "Supervisor",
    "SupervisorAddress",
    "SupervisorError",
    "SupervisorFlags",
    "SupervisorInit",
    "System",
    "Task",
    "TaskExited",
    "TaskFinished",
    "TaskSupervisor",
    "Telemetry",
    "Timeout",
    "Timer",
    "TimerService",
    "Timers",
    "TreeNode",
    "UnknownRegistryError",
    "Unregistered",
    "UnstableKeyError",
    "Via",
    "WarmSpare",
    "ancestors",
    "callers",
    "change_code",
    "get_state",
    "get_status",
    "is_abnormal",
    "replace_state",
    "resume",
    "suspend",
]

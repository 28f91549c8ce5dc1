"""An executor in a supervision tree of your own: its address outlives the process its workers come from."""

from __future__ import annotations

import os
import signal

from dspex_actors import Execute, PythonExecutor
from dspex_actors.executors import GetProcesses
from supervisors import Supervisor

# expect: after the restart: 42, same address, zygote 2nd generation

child = PythonExecutor.child_spec(id="py")
with Supervisor.start([child], strategy="one_for_one", intensity=3, period=5) as tree:
    py = tree.child("py")
    print("before:", py.call(Execute("x + 1", variables={"x": 41}), timeout=None).unwrap())

    old = py.pid  # this incarnation; `py` is the name of whatever runs there
    descriptors = py.call(GetProcesses())
    zygote = next(iter(descriptors))  # the zygote comes first, its workers after it
    print("killing the zygote, from which all workers were forked")
    signal.pidfd_send_signal(zygote, signal.SIGKILL)
    for descriptor in descriptors:
        os.close(descriptor)

    # The zygote's actor ends, so its supervisor starts it and everything that depends on it again.
    old.wait_exit(5)
    py.wait_available(5)

    value = py.call(Execute("x + 1", variables={"x": 41}), timeout=None).unwrap()
    generation = tree.supervisor("py").child("zygote").pid.generation
    print(f"after the restart: {value}, same address, zygote {generation}nd generation")

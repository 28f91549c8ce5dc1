"""The engine of a third party's language, as in the guide: the value of a text is the text in capitals."""

from __future__ import annotations

import os
import signal

from dspex_actors.workers._protocol import Footprint
from dspex_actors.workers.engines import (
    EngineFailureError,
    GuestFailedError,
    OutOfFuelError,
    OutOfMemoryError,
    ResultTooBigError,
    Usage,
)


class Shout:
    """Runs in the worker's own process."""

    def __init__(self, config):
        self.config = config
        self.kept = {}
        if "look" in config.options:
            self.look = self._look

    def _look(self):
        if self.config.options["look"]:
            raise EngineFailureError(self.config.options["look"])
        return Footprint(5, 6, 7)

    def rehearse(self):
        if self.config.options.get("broken"):
            raise EngineFailureError(self.config.options["broken"])

    def start(self):
        if self.config.options.get("does_not_start"):
            raise EngineFailureError(self.config.options["does_not_start"])
        if self.config.options.get("never_ready"):
            signal.pause()

    def usage(self):
        return Usage(cpu_s=1.5, memory_peak_bytes=7)

    def run(self, call):
        call.limit_worker()
        request, variables = call.request, call.variables()
        if request.read:
            return self.kept[request.read]
        words = {
            "fail": GuestFailedError("Whisper", "too quiet", "line 1"),
            "memory": OutOfMemoryError(is_last=False),
            "fuel": OutOfFuelError(),
            "big": ResultTooBigError(5),
            "odd": ValueError("odd"),
            "hungry": None,
        }
        if request.code == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if request.code == "idle":
            return [request.idle.data_bytes, request.idle.threads, request.idle.files]
        if request.code == "hungry":
            return bytearray(2**40)
        if request.code in words:
            raise words[request.code]
        if request.code.startswith("call "):
            return call.tools[request.code.removeprefix("call ")](**variables)
        call.stdout.write(b"shouting\n")
        if request.code == "chat":
            call.notes.console("whisper", "psst")
            call.notes.diagnostic("warning", "too quiet", line=1)
        self.kept["last"] = request.code
        return request.code.format(**variables).upper()


def make(config):
    return Shout(config)

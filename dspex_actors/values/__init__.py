"""Values that may cross a process boundary or be stored, as data: decoding one never runs code.

    parts = encode({"xs": [1.5, 2.5], "when": datetime.now(tz=UTC)})
    prepare(parts.structure)  # imports numpy if, and only if, the value holds numpy data
    value = decode(parts.structure, parts.buffers)

Plain values of exact built-in types cross, and numpy data; see `encode` for the list. What does not is
refused with the path to it. A sender that is trusted may pass other objects as opaque bytes, for example from
cloudpickle: both sides have to agree to that by their `opaque` argument.

What comes in is untrusted: `decode` gives a value or raises `ValueDecodeError`, within its `Budget` of depth
and memory, in time linear in the input. It imports nothing, runs no pickle and looks up no class.
"""

from __future__ import annotations

from dspex_actors.values._budget import DEFAULT as DEFAULT_BUDGET
from dspex_actors.values._budget import Budget
from dspex_actors.values._decode import decode, needs_numpy, prepare
from dspex_actors.values._encode import Encoded, encode

__all__ = ["DEFAULT_BUDGET", "Budget", "Encoded", "decode", "encode", "needs_numpy", "prepare"]

"""Feed hostile data to every reader and see that nothing but the errors of the package comes out.

    python -m tests.dspex_actors.serialization._hostile_run --seed 1 --count 20000
    python -m tests.dspex_actors.serialization._hostile_run --seed 1 --first 1234 --count 1

See `tests._feeding` for what is measured. Prints one line of JSON.
"""

from __future__ import annotations

from dspex_actors import ValueEncodeError
from dspex_actors.serialization import Bounds, SerializationError, Serializer, canonical, loads_bare
from tests import _feeding
from tests.dspex_actors.serialization._hostile import bare_of, body_of, decode, envelope_of, rng_of
from tests.dspex_actors.serialization._states import RING

WARM = 400  # inputs before those that are measured
BOUNDS = Bounds(stored_bytes=2**20, raw_bytes=2**22, depth=40, memory_bytes=2**24)
READERS = [Serializer(bounds=BOUNDS), Serializer(bounds=BOUNDS, signing=RING, accept_unsigned=True)]


def take(seed, number):
    """Make one input and read it; return whether it gave a value."""
    rng = rng_of(seed, number)
    way = rng.randrange(4)
    try:
        if way == 0:
            value = loads_bare(bare_of(rng), bounds=BOUNDS)
        elif way == 1:
            value = rng.choice(READERS).loads(envelope_of(rng)).value
        else:
            value = decode(*body_of(rng), BOUNDS)
    except SerializationError:
        return False
    try:
        canonical(value)
    except (SerializationError, ValueEncodeError):  # it may be deeper or larger than what may be written
        return True
    return True


def main():
    _feeding.main(take, WARM)


if __name__ == "__main__":
    main()

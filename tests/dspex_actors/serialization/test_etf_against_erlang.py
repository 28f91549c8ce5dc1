"""Erlang reads what we write, shows it as the terms of the table, and writes it back to an equal value."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from dspex_actors.serialization import canonical
from dspex_actors.serialization._etf import encode
from dspex_actors.serialization._etf_read import decode
from tests._same import same
from tests.dspex_actors.serialization._states import AGENT, states
from tests.dspex_actors.serialization.test_etf_terms import BOTH_WAYS
from tests.dspex_actors.values.test_round_trip import TABLE

SCRIPT = Path(__file__).parent / "etf_peer.erl"
MISSING = "there is no Erlang here: install it (Debian: erlang-base) or run `make setup-languages` as root"

pytestmark = pytest.mark.integration


def by_erlang(bodies, folder):
    """Return what Erlang shows of each term, what it writes for it, and what it writes compressed."""
    escript = shutil.which("escript")
    if escript is None and os.environ.get("CI") == "true":
        pytest.fail(MISSING)
    if escript is None:
        pytest.skip(MISSING)
    given_, taken = folder / "in", folder / "out"
    given_.write_bytes(b"".join(len(body).to_bytes(4, "big") + body for body in bodies))
    environment = {**os.environ, "HOME": str(folder)}  # where Erlang would leave a cookie
    done = subprocess.run(
        [escript, SCRIPT, given_, taken],
        capture_output=True,
        encoding="latin-1",
        timeout=100,
        check=False,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout[-2000:]
    data, back = taken.read_bytes(), []
    while data:
        size = 4 + int.from_bytes(data[:4], "big")
        back.append(data[4:size])
        data = data[size:]
    return done.stdout.splitlines(), back[: len(bodies)], back[len(bodies) :]


def test_erlang_writes_the_same_bytes_for_the_terms_of_the_table(tmp_path):
    bodies = [bytes.fromhex(data) for data, _ in BOTH_WAYS.values()]

    shown, back, _ = by_erlang(bodies, tmp_path)

    unlike = {name for name, body, theirs in zip(BOTH_WAYS, bodies, back, strict=True) if body != theirs}
    # Erlang writes a list of small integers as a string.
    assert unlike == {"{'$set',[1]} but not as a string"}
    for name in ("nil", "true", "256", "1.5", "{1,{}}", "[]", "#{}", "#{{1} => 2}", "-2147483649"):
        assert shown[list(BOTH_WAYS).index(name)] == name


def test_every_value_of_the_table_comes_back_from_erlang(tmp_path):
    values = [AGENT, *TABLE]

    _, back, compressed = by_erlang([encode(value) for value in values], tmp_path)

    assert len(back) == len(compressed) == len(values)
    for value, plain, packed in zip(values, back, compressed, strict=True):
        assert canonical(decode(plain)) == canonical(decode(packed)) == canonical(value)


def test_a_tuple_and_a_list_come_back_in_their_order(tmp_path):
    values = [(1, "a", [2.5, None]), [3, 2, 1], [("x", 1), ("a", 2)]]

    _, back, _ = by_erlang([encode(value) for value in values], tmp_path)

    assert all(same(decode(body), value) for body, value in zip(back, values, strict=True))


def test_drawn_states_come_back_from_erlang(tmp_path):
    drawn = []

    @given(state=states)
    @settings(
        max_examples=60,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def draw(state):
        drawn.append(state)

    draw()
    _, back, compressed = by_erlang([encode(state) for state in drawn], tmp_path)

    assert len(drawn) >= 50
    for state, plain, packed in zip(drawn, back, compressed, strict=True):
        assert canonical(decode(plain)) == canonical(decode(packed)) == canonical(state), state

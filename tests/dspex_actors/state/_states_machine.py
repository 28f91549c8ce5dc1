"""A store against a plain dict: what is done to both, and how they are compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from dspex_actors.state import (
    MigrationGraph,
    Retention,
    SnapshotExistsError,
    SnapshotNotFoundError,
    StateDeletedError,
    States,
    Step,
    StoreConfig,
    VersionConflictError,
    VersionNotFoundError,
)

IDS = st.sampled_from(["a", "B", "é/.."])
NAMES = st.sampled_from(["s", "t"])
VALUES = st.integers(0, 5)
GRAPH = MigrationGraph((Step("1", "2", up=lambda state: ("two", state)),))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GONE = object()


class Model:
    """What a store should hold: for each id its versions as (revision, time, state), `GONE` for deletions."""

    def __init__(self):
        self.now = 0
        self.chains = {}
        self.snapshots = {}

    def tick(self):
        self.now += 1_000_000
        return self.now

    def add(self, name, state, us):
        chain = self.chains.setdefault(name, [])
        chain.append(((chain[-1][0] if chain else 0) + 1, us, state))
        return chain[-1][0]

    def head(self, name):
        chain = self.chains.get(name)
        return chain[-1] if chain else (0, 0, None)

    def live(self, name):
        revision, _, state = self.head(name)
        return bool(revision) and state is not GONE

    def as_of(self, name, us):
        """Return what an id was at a time, `GONE` if it had no state then or that is not known any more."""
        states = [state for _, saved, state in self.chains[name] if saved <= us]
        return states[-1] if states else GONE


class StoreMachine(RuleBasedStateMachine):
    """Drives one backend.

    Args:
        make: returns it, on an empty database each time.
    """

    def __init__(self, make):
        super().__init__()
        self.make = make

    @initialize()
    def open(self):
        self.model = Model()
        self.backend = self.make()
        self.states = None
        self.reopen()

    @rule()
    def reopen(self):
        if self.states is not None:
            self.states.close()
        config = StoreConfig(versioning="incremental", migrations=GRAPH, now_us=lambda: self.model.now)
        self.states = States.open(self.backend, config)

    def teardown(self):
        if hasattr(self, "states"):
            try:
                assert self.states.verify().findings == ()
            finally:
                self.states.close()

    @rule(name=IDS, value=VALUES, expected=st.none() | st.integers(0, 4))
    def save(self, name, value, expected):
        us, (head, _, state) = self.model.tick(), self.model.head(name)
        if expected is None or expected == head or (expected == 0 and state is GONE):
            version = self.states.save(name, value, expected=expected, schema_version="1")
            assert version.revision == self.model.add(name, value, us)
            assert version.label == str(version.revision)
            return
        with pytest.raises(VersionConflictError) as caught:
            self.states.save(name, value, expected=expected)
        assert caught.value.actual == head

    @rule(name=IDS)
    def delete(self, name):
        us = self.model.tick()
        if self.model.live(name):
            assert self.states.delete(name).revision == self.model.add(name, GONE, us)
            return
        error = StateDeletedError if self.model.head(name)[0] else VersionNotFoundError
        with pytest.raises(error):
            self.states.delete(name)

    @rule(name=IDS, revision=st.integers(1, 8))
    def load_a_revision(self, name, revision):
        known = {number: state for number, _, state in self.model.chains.get(name, [])}
        if revision not in known or known[revision] is GONE:
            with pytest.raises(StateDeletedError if revision in known else VersionNotFoundError):
                self.states.load(name, revision)
        else:
            assert self.states.load(name, revision).state == known[revision]
            if known[revision] is not GONE:
                assert self.states.load(name, str(revision)).revision == revision

    @rule(name=IDS, back=st.integers(0, 12))
    def load_at_a_time(self, name, back):
        us = max(0, self.model.now - back * 1_000_000)
        at = EPOCH + timedelta(microseconds=us)
        found = [(number, state) for number, saved, state in self.model.chains.get(name, []) if saved <= us]
        if not found or found[-1][1] is GONE:
            with pytest.raises((StateDeletedError, VersionNotFoundError)):
                self.states.load(name, at=at)
        else:
            assert self.states.load(name, at=at).revision == found[-1][0]

    @rule(name=IDS)
    def migrate(self, name):
        us = self.model.tick()
        if not self.model.live(name):
            return
        migrated = self.states.migrate(name, "2")
        if migrated.version is not None:
            state = ("two", self.model.head(name)[2])
            assert migrated.state == state
            assert migrated.version.revision == self.model.add(name, state, us)

    @rule(name=NAMES)
    def create_snapshot(self, name):
        self.model.tick()
        if name in self.model.snapshots:
            with pytest.raises(SnapshotExistsError):
                self.states.create_snapshot(name)
            return
        items = {each: self.model.head(each)[0] for each in self.model.chains if self.model.live(each)}
        assert self.states.create_snapshot(name).items == items
        self.model.snapshots[name] = items

    @rule(name=NAMES)
    def drop_snapshot(self, name):
        if self.model.snapshots.pop(name, None) is None:
            with pytest.raises(SnapshotNotFoundError):
                self.states.drop_snapshot(name)
        else:
            self.states.drop_snapshot(name)

    @rule(name=NAMES)
    def restore_snapshot(self, name):
        us = self.model.tick()
        if name not in self.model.snapshots:
            with pytest.raises(SnapshotNotFoundError):
                self.states.restore_snapshot(name)
            return
        self.states.restore_snapshot(name)
        for each, revision in self.model.snapshots[name].items():
            if self.model.head(each)[0] != revision:
                state = next(state for number, _, state in self.model.chains[each] if number == revision)
                self.model.add(each, state, us)

    @rule(back=st.integers(0, 12))
    def recover(self, back):
        at_us = max(0, self.model.now - back * 1_000_000)
        us = self.model.tick()
        self.states.recover(at=EPOCH + timedelta(microseconds=at_us))
        for each in self.model.chains:
            if self.model.head(each)[1] <= at_us:
                continue
            then = self.model.as_of(each, at_us)
            if then is not GONE or self.model.live(each):
                self.model.add(each, then, us)

    @rule(versions=st.integers(1, 3))
    def prune(self, versions):
        counts = {}
        for each, chain in self.model.chains.items():
            held = {items[each] for items in self.model.snapshots.values() if each in items}
            kept = [version for version in chain[:-versions] if version[0] in held] + chain[-versions:]
            if len(kept) < len(chain):
                counts[each] = len(chain) - len(kept)
            self.model.chains[each] = kept
        assert self.states.prune(Retention(versions=versions)) == counts

    @invariant()
    def what_is_listed_is_what_the_model_has(self):
        if not hasattr(self, "states"):
            return
        live = sorted(each for each in self.model.chains if self.model.live(each))
        assert self.states.list_ids() == live
        for each, chain in self.model.chains.items():
            listed = self.states.list_versions(each)
            assert [(v.revision, v.saved_us, v.deleted) for v in listed] == [
                (revision, us, state is GONE) for revision, us, state in reversed(chain)
            ]
        for each in live:
            assert self.states.load(each).state == self.model.head(each)[2]
        assert [made.name for made in self.states.list_snapshots()] == sorted(self.model.snapshots)


def run_histories(make, examples, steps):
    """Compare a backend with the model in as many histories, of up to as many steps."""
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(lambda: StoreMachine(make), settings=chosen)

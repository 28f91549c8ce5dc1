"""A module around any object: what is known of it, its copies, its states and its files."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from dspex_actors import ConfigError, ValueEncodeError
from dspex_actors.modules import (
    DependencyMismatchError,
    EnhancedModule,
    IncompatibleVersionError,
    MalformedStateError,
    NotDumpableError,
    Parameter,
    Restored,
    StateMismatchError,
)
from dspex_actors.serialization import ChecksumError, KeyRing, Serializer, SignatureError
from dspex_actors.state import MigrationGraph, Step
from tests.dspex_actors.modules._modules import Counter, Holder, Layer, Network, Own


class Versioned:
    __version__ = "2.0.0"

    def __init__(self):
        self.count = 0

    @classmethod
    def code_change(cls, old_version, state):
        return {"count": state["n"] + (100 if old_version == "1.0.0" else 0)}


def of_version(wrapped, version):
    return EnhancedModule(wrapped, module_id="m", module_type="t", version=version)


def test_a_module_says_what_it_wraps():
    network = Network()
    module = EnhancedModule(network, module_id="net", version="1.2", metadata={"by": "me"})

    assert module.wrapped is network
    assert module.module_type == "tests.dspex_actors.modules._modules:Network"
    assert (module.module_id, module.version, module.metadata) == ("net", "1.2", {"by": "me"})
    assert list(module.parameters) == [
        "layers[0].weight",
        "layers[1].weight",
        "by_key[1].weight",
        "by_key['1'].weight",
    ]
    assert repr(module) == "EnhancedModule('net', tests.dspex_actors.modules._modules:Network, version 1.2)"


def test_an_id_is_made_up_and_the_version_is_that_of_the_class():
    module = EnhancedModule(Versioned())

    assert re.fullmatch("versioned-[0-9a-f]{12}", module.module_id)
    assert module.version == "2.0.0"
    assert EnhancedModule(Counter()).version == "1.0.0"
    assert EnhancedModule(Counter()).module_id != EnhancedModule(Counter()).module_id


def test_the_parts_are_modules_with_parts_of_their_own():
    module = EnhancedModule(Holder(a=[Holder(b=Layer(2.0))]), module_id="m")
    (part,) = module.sub_modules
    (inner,) = part.sub_modules

    assert (part.module_id, inner.module_id) == ("m/a[0]", "m/a[0]/b")
    assert inner.parameters == {"weight": module.wrapped.a[0].b.weight}
    assert [name for name, _ in module.named_sub_modules()] == ["", "a[0]", "a[0].b"]
    assert [name for name, _ in module.named_sub_modules(max_depth=1)] == ["", "a[0]"]
    assert [name for name, _ in module.named_sub_modules(skip=lambda part: True)] == [""]  # noqa: ARG005


def test_a_module_inside_a_module_stays_the_module_it_is():
    inner = EnhancedModule(Layer(), module_id="inner")
    assert EnhancedModule(Holder(a=inner)).sub_modules == (inner,)


def test_a_predicate_holds_for_everything_that_the_module_does():
    module = EnhancedModule(Holder(a=1.5, b=[2.5]), predicate=lambda part: type(part) is float)

    assert module.parameters == {"a": 1.5, "b[0]": 2.5}
    assert module.deep_copy().parameters == module.parameters


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"module_id": 1}, "module_id"),
        ({"module_type": 1}, "module_type"),
        ({"version": "new"}, "version"),
        ({"version": ""}, "version"),
    ],
)
def test_an_argument_that_is_not_of_its_form_is_refused_by_name(options, field):
    with pytest.raises(ConfigError, match=field):
        EnhancedModule(Counter(), **options)


def test_a_copy_has_an_id_of_its_own_and_shares_nothing():
    module = EnhancedModule(Network(), module_id="m", metadata={"tags": ["a"]}, version="3.0")
    module.wrapped.layers[0].weight.value = 9.0
    copied, reset = module.deep_copy(), module.reset_copy(module_id="r")
    copied.metadata["tags"].append("b")

    assert copied.module_id != "m"
    assert (reset.module_id, reset.version) == ("r", "3.0")
    assert module.metadata == {"tags": ["a"]}
    assert copied.wrapped.first.weight.value == 9.0
    assert reset.wrapped.first.weight.value == 1.0
    assert module.wrapped.first.weight.value == 9.0


def test_a_state_says_whose_it_is_and_what_it_was_dumped_beside():
    state = EnhancedModule(Counter(), module_id="c", metadata={"a": 1}, dependencies=["numpy"]).dump_state()

    assert state["module_id"] == "c"
    assert state["module_type"] == "tests.dspex_actors.modules._modules:Counter"
    assert state["version"] == "1.0.0"
    assert state["metadata"] == {"a": 1}
    assert state["dependencies"].keys() == {"python", "dspex-actors", "numpy"}
    assert state["state"] == {"count": 0, "metadata": {"kept": True}}


def test_a_load_gives_back_id_metadata_and_state():
    module = EnhancedModule(Counter(), module_id="one", metadata={"a": [1]})
    module.wrapped.count = 5
    other = EnhancedModule(Counter(), module_id="two")
    state = module.dump_state()

    assert other.load_state(state) == Restored("1.0.0", False, ())
    assert (other.module_id, other.metadata, other.wrapped.count) == ("one", {"a": [1]}, 5)
    assert other.dump_state() == state


def test_an_attribute_called_metadata_survives():
    module = EnhancedModule(Counter(), metadata={"of": "the module"})
    module.wrapped.metadata = "of the object"
    other = EnhancedModule(Counter())
    other.load_state(module.dump_state())

    assert (other.wrapped.metadata, other.metadata) == ("of the object", {"of": "the module"})


def test_an_older_state_is_migrated_by_the_class_and_a_newer_one_refused():
    old, new = of_version(Holder(n=1), "1.0.0"), of_version(Versioned(), "2.0.0")

    assert new.load_state(old.dump_state()) == Restored("1.0.0", True, ())
    assert new.wrapped.count == 101
    with pytest.raises(IncompatibleVersionError, match="newer"):
        of_version(Holder(), "1.0.0").load_state(new.dump_state())


def test_an_older_state_is_migrated_by_the_steps_that_are_given():
    graph = MigrationGraph([Step("1.0.0", "2.0.0", up=lambda state: {"count": state["n"]})])
    module = EnhancedModule(Versioned(), module_type="t", migrations=graph)
    module.load_state(of_version(Holder(n=3), "1.0.0").dump_state())

    assert module.wrapped.count == 3


def test_an_older_state_without_a_way_is_refused_and_nothing_is_changed():
    module = of_version(Holder(n=1), "2.0")

    with pytest.raises(IncompatibleVersionError, match="no way"):
        module.load_state(of_version(Holder(n=5), "1.0").dump_state())
    assert (module.wrapped.n, module.module_id) == (1, "m")


def test_packages_of_other_versions_are_reported_or_refused():
    state = EnhancedModule(Counter(), dependencies=["numpy"]).dump_state()
    state["dependencies"] |= {"numpy": "0.1", "python": "3.0.0"}
    module = EnhancedModule(Counter(), module_id="kept")

    with pytest.raises(DependencyMismatchError, match=r"numpy 0\.1 \(now"):
        module.load_state(state, dependencies="refuse")
    assert module.module_id == "kept"
    changes = module.load_state(state).dependency_changes
    assert [(name, then) for name, then, _ in changes] == [("numpy", "0.1"), ("python", "3.0.0")]
    with pytest.raises(ConfigError, match="dependencies"):
        module.load_state(state, dependencies="ignore")


def test_the_state_of_another_type_is_refused():
    with pytest.raises(StateMismatchError, match="Layer"):
        EnhancedModule(Counter()).load_state(EnhancedModule(Layer()).dump_state())


def test_a_state_that_an_object_said_itself_does_not_go_into_one_that_does_not():
    state = EnhancedModule(Own(), module_type="t").dump_state()

    with pytest.raises(StateMismatchError, match="own"):
        EnhancedModule(Holder(), module_type="t").load_state(state)


@pytest.mark.parametrize(
    "change",
    [
        {"dspex_module": 2},
        {"dspex_module": True},
        {"dspex_module": None},
        {"version": 1},
        {"metadata": []},
        {"dependencies": {"a": 1}},
        {"own": 0},
        {"module_id": None},
    ],
    ids=repr,
)
def test_what_no_module_has_dumped_is_refused(change):
    module = EnhancedModule(Counter())

    with pytest.raises(MalformedStateError):
        module.load_state(module.dump_state() | change)
    with pytest.raises(MalformedStateError):
        module.load_state([])
    with pytest.raises(MalformedStateError):
        module.load_state({"state": {}})


@pytest.mark.parametrize("form", ["msgpack", "json", "etf", "protobuf"])
def test_a_file_gives_back_what_was_saved_in_every_format(tmp_path, form):
    module, path = EnhancedModule(Network(5.0), module_id="n"), tmp_path / "n.state"
    module.save(path, serializer=Serializer(format=form))
    other = EnhancedModule(Network())
    other.load(path)

    assert other.module_id == "n"
    assert other.wrapped.first.weight.value == 5.0
    header = Serializer().load(path).header
    assert (header.module_version, header.dependencies["python"]) == ("1.0.0", sys.version.split()[0])
    assert header.created_at is not None


@pytest.mark.parametrize(
    ("bad", "error"),
    [(lambda: re.compile("x"), NotDumpableError), (lambda: "\ud800", ValueEncodeError)],
)
def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, bad, error):
    module, path = EnhancedModule(Counter()), tmp_path / "c.state"
    module.save(path)
    before = path.read_bytes()
    module.wrapped.bad = bad()

    with pytest.raises(error):
        module.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_file_and_one_that_is_not_signed_change_nothing(tmp_path):
    module, path = EnhancedModule(Counter(), module_id="c"), tmp_path / "c.state"
    module.save(path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    (tmp_path / "damaged").write_bytes(data)
    keys = Serializer(signing=KeyRing({"k": b"x" * 32}))

    with pytest.raises(ChecksumError):
        module.load(tmp_path / "damaged")
    with pytest.raises(SignatureError):
        module.load(path, serializer=keys)
    with pytest.raises(FileNotFoundError):
        module.load(tmp_path / "missing")
    assert (module.module_id, module.wrapped.count) == ("c", 0)


def test_what_a_killed_writer_left_is_gone_after_the_next_load(tmp_path):
    module, path = EnhancedModule(Counter()), tmp_path / "c.state"
    module.save(path)
    litter = tmp_path / ".c.state.0123456789abcdef.dspex-tmp"
    litter.write_bytes(b"half")
    module.load(path)

    assert [Path(each).name for each in tmp_path.iterdir()] == ["c.state"]


def test_a_parameter_may_be_wrapped_by_itself():
    module = EnhancedModule(Parameter(1))
    module.wrapped.value = 2
    other = EnhancedModule(Parameter(0))
    other.load_state(module.dump_state())

    assert module.parameters == {"": module.wrapped}
    assert other.wrapped.value == 2

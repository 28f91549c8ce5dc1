"""A spec is checked once, when it is made, and says what would be right."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

from dspex_actors import CheckpointAt, ConfigError
from dspex_actors.modules import Isolation, ModuleSpec, WhenFailed


def spec(**options):
    return ModuleSpec(**{"module_id": "a", "target": "package.module:Class", "version": "1.0.0", **options})


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"module_id": ""}, "module_id"),
        ({"module_id": "a b"}, "module_id"),
        ({"module_id": "a*"}, "module_id"),
        ({"module_id": "a\n"}, "module_id"),
        ({"module_id": "a" * 257}, "module_id"),
        ({"module_id": 1}, "module_id"),
        ({"version": "one"}, "version"),
        ({"version": 1}, "version"),
        ({"target": "package.module"}, "target"),
        ({"target": "package.module:"}, "target"),
        ({"target": "package.class:Class"}, "target"),
        ({"target": None}, "target"),
        ({"target": "package.module:Class", "source": "a.py"}, "target"),
        ({"source": 1, "target": "Class"}, "source"),
        ({"reload_root": "other"}, "reload_root"),
        ({"reload_root": "pack"}, "reload_root"),
        ({"reload_root": "package", "source": "a.py", "target": "Class"}, "reload_root"),
        ({"tags": "word"}, "tags"),
        ({"tags": [1]}, "tags"),
        ({"checkpoint": "sometimes"}, "checkpoint"),
        ({"when_failed": "ignore"}, "when_failed"),
        ({"isolation": "moon"}, "isolation"),
        ({"isolation": "worker"}, "isolation"),
    ],
    ids=repr,
)
def test_a_field_that_is_wrong_is_named_by_the_error(options, named):
    with pytest.raises(ConfigError) as caught:
        spec(**options)
    assert caught.value.field == named


@pytest.mark.parametrize("module_id", ["a" * 256, "agents.writer/2", "Zusammenfasser-ä"])
def test_an_id_is_printable_text_of_at_most_256_bytes(module_id):
    assert spec(module_id=module_id).module_id == module_id


def test_the_target_says_where_the_class_is_and_what_is_reloaded_with_it():
    made = spec(target="package.below.module:Outer.Inner")
    assert (made.module_name, made.attribute, made.root) == (
        "package.below.module",
        "Outer.Inner",
        "package.below",
    )
    assert made.type == "Inner"


@pytest.mark.parametrize(("root", "expected"), [(None, "module"), ("module", "module")])
def test_a_module_at_top_level_is_reloaded_by_itself(root, expected):
    assert spec(target="module:Class", reload_root=root).root == expected


def test_the_root_can_be_widened_to_a_package_further_up():
    assert spec(target="a.b.c:Class", reload_root="a").root == "a"


def test_a_file_module_has_a_path_and_no_importable_name():
    made = spec(target="Class", source="plugins/a.py", isolation="worker")
    assert (made.source, made.module_name, made.root) == (Path.cwd() / "plugins/a.py", "", "")
    assert made.isolation is Isolation.WORKER


def test_strings_become_members_and_mappings_cannot_be_changed():
    made = spec(checkpoint="idle", when_failed="keep", kwargs={"a": 1}, tags=["x", "y"])
    assert (made.checkpoint, made.when_failed) == (CheckpointAt.IDLE, WhenFailed.KEEP)
    assert made.tags == {"x", "y"}
    with pytest.raises(TypeError):
        made.kwargs["b"] = 2


def test_a_spec_survives_pickle():
    made = spec(kwargs={"a": 1}, metadata={"owner": "b"}, tags={"x"}, checkpoint="never")
    assert copy.copy(made) == pickle.loads(pickle.dumps(made)) == made  # noqa: S301 -- our own

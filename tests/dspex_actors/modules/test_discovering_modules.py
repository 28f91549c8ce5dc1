"""Registered modules are found by what their ids look like, by type, tags and version."""

from __future__ import annotations

import pytest

from dspex_actors import ConfigError
from dspex_actors.modules import ModuleSpec, UnknownModuleError

TABLE = [
    ("agents.reader", "Reader", "1.0.0", {"agent", "io"}),
    ("agents.writer", "Writer", "1.5.0", {"agent"}),
    ("agents.writer.v2", "Writer", "2.0.0rc1", {"agent", "new"}),
    ("tools.reader", "Reader", "2.1.0", set()),
]


@pytest.fixture
def found(modules, tmp_path):
    path = tmp_path / "all.py"
    path.write_text("class Reader: pass\nclass Writer: pass\n", encoding="utf-8")
    for module_id, target, version, tags in TABLE:
        modules.register(ModuleSpec(module_id, target=target, version=version, tags=tags, source=path))
    return lambda *args, **filters: [info.module_id for info in modules.discover(*args, **filters)]


@pytest.mark.parametrize(
    ("args", "filters", "expected"),
    [
        ((), {}, [row[0] for row in TABLE]),
        (("agents.*",), {}, ["agents.reader", "agents.writer", "agents.writer.v2"]),
        (("*.reader",), {}, ["agents.reader", "tools.reader"]),
        (("agents.writer",), {}, ["agents.writer"]),
        (("nothing",), {}, []),
        (("*",), {"type": "Reader"}, ["agents.reader", "tools.reader"]),
        (("agents.*",), {"type": "Reader"}, ["agents.reader"]),
        (("*",), {"type": "Missing"}, []),
        (("*",), {"tags": ["agent"]}, ["agents.reader", "agents.writer", "agents.writer.v2"]),
        (("*",), {"tags": ["agent", "new"]}, ["agents.writer.v2"]),
        (("*",), {"tags": ["agent", "missing"]}, []),
        (("*",), {"version": ">=1.5,<2"}, ["agents.writer"]),
        (("*",), {"version": ">=2.0.0rc1"}, ["agents.writer.v2", "tools.reader"]),
        (("agents.*",), {"version": "<2", "tags": ["io"], "type": "Reader"}, ["agents.reader"]),
    ],
    ids=repr,
)
def test_modules_are_found_by_id_type_tags_and_version(found, args, filters, expected):
    assert found(*args, **filters) == expected


@pytest.mark.parametrize(
    ("args", "filters"), [((), {"version": "new"}), ((), {"version": 1}), (("",), {})], ids=repr
)
def test_a_filter_that_is_wrong_is_refused(found, args, filters):
    with pytest.raises(ConfigError):
        found(*args, **filters)


def test_a_module_that_is_gone_is_not_found_by_anything(modules, found):
    modules.unregister("agents.reader")
    assert found("agents.r*") == found(tags=["io"]) == []
    assert found(type="Reader") == ["tools.reader"]


def test_an_unknown_id_is_answered_with_those_next_to_it(modules, found):
    assert found("agents.writerr") == []
    with pytest.raises(UnknownModuleError, match=r"agents\.writer\.v2"):
        modules.get("agents.writerr")


def test_what_is_found_says_where_the_code_is_and_of_which_version(modules, found):
    del found
    info = modules.get("agents.writer")
    assert (info.spec.type, info.version.version, info.make.__name__) == ("Writer", "1.5.0", "Writer")

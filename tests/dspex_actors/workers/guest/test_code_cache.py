"""A kept worker compiles a short source once, unless its compilation has something to say."""

from __future__ import annotations

import pytest

from dspex_actors.workers.guest._code_cache import LONGEST_KEPT, MOST_KEPT, CodeCache
from dspex_actors.workers.guest._python import PythonEngine


class Compiler(PythonEngine):
    """Counts what it compiles; a source with `warn` in it writes something."""

    def __init__(self):
        self.compiled = []
        self.written = 0

    def compile(self, source, filename="<guest>"):
        self.compiled.append(source)
        self.written += source.count("warn")
        return super().compile(source, filename)


@pytest.fixture
def compiler():
    return Compiler()


@pytest.fixture
def cache(compiler):
    return CodeCache(compiler, lambda: compiler.written)


def test_a_source_that_was_compiled_before_is_found_again(compiler, cache):
    first = cache.compile("x = 1\nx")

    assert cache.compile("x = 1\nx") is first
    assert compiler.compiled == ["x = 1\nx"]
    assert [code is not None for code in first] == [True, True]


def test_a_source_that_warns_is_compiled_each_time(compiler, cache):
    cache.compile("'warn'")
    cache.compile("'warn'")

    assert (compiler.compiled, compiler.written) == (["'warn'", "'warn'"], 2)


def test_a_source_that_is_no_program_fails_each_time(compiler, cache):
    for _ in range(2):
        with pytest.raises(SyntaxError):
            cache.compile("1 +")

    assert len(compiler.compiled) == 2


def test_a_long_source_is_not_kept_and_one_of_just_the_length_is(compiler, cache):
    just = "1" + " " * (LONGEST_KEPT - 1)
    for source in (just, just, just + " ", just + " "):
        cache.compile(source)

    assert list(map(len, compiler.compiled)) == [LONGEST_KEPT, LONGEST_KEPT + 1, LONGEST_KEPT + 1]


def test_the_source_used_longest_ago_makes_room_for_a_new_one(compiler, cache):
    for number in range(MOST_KEPT):
        cache.compile(str(number))
    cache.compile("0")
    cache.compile("new")
    compiler.compiled.clear()

    for source in ("0", "2", "new"):
        cache.compile(source)
    assert compiler.compiled == []
    cache.compile("1")
    assert compiler.compiled == ["1"]


def test_a_kept_source_has_the_file_name_of_its_first_compilation(cache):
    cache.compile("x = 1", "<guest 0>")
    statements, _ = cache.compile("x = 1", "<guest 1>")

    assert (cache.filename_of("x = 1"), cache.filename_of("x = 2")) == ("<guest 0>", "")
    assert statements.co_filename == "<guest 0>"

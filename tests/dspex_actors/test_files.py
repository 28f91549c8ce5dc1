"""What is told about files: a mapping that says what it lacks."""

from __future__ import annotations

import copy
import pickle

import pytest

from dspex_actors import Completed, ReturnedFiles, WriteBack

FILES = ReturnedFiles({"a.csv": b"1,2", "d/b": b""}, {"link": "it is a symbolic link"})


def test_returned_files_are_a_mapping_of_names_to_bytes_that_nobody_changes():
    assert dict(FILES) == {"a.csv": b"1,2", "d/b": b""}
    assert FILES["a.csv"] == b"1,2"
    assert "link" not in FILES
    with pytest.raises(TypeError):
        FILES["a.csv"] = b"other"


def test_returned_files_are_equal_by_content_and_by_what_was_left_out():
    assert ReturnedFiles(dict(FILES), FILES.left_out) == FILES
    assert hash(ReturnedFiles(dict(FILES), FILES.left_out)) == hash(FILES)
    assert ReturnedFiles(dict(FILES)) != FILES
    assert ReturnedFiles({"a": b""}) == {"a": b""}


def test_the_repr_shows_names_and_sizes_and_no_content():
    assert repr(FILES) == (
        "ReturnedFiles({'a.csv': 3 bytes, 'd/b': 0 bytes}, left_out={'link': 'it is a symbolic link'})"
    )


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))],  # noqa: S301 -- our own
)
def test_a_result_with_files_survives_copying_and_pickle(duplicate):
    result = Completed(value=1, files=FILES, write_back=WriteBack(done=True, written=("out/a",)))

    assert duplicate(result) == result
    assert duplicate(result).files.left_out == FILES.left_out


def test_a_result_without_files_has_an_empty_mapping_and_nothing_about_write_paths():
    assert (dict(Completed().files), Completed().files.left_out, Completed().write_back) == ({}, {}, None)

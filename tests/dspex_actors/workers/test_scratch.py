"""Scratch folders are emptied whatever a guest left in them."""

import os

import pytest

from dspex_actors.workers._scratch import empty_folder, remove_folder


def deep_tree(path, depth):
    """Make a chain of folders deeper than any path may be long."""
    here = os.open(path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d" * 100, dir_fd=here)
        deeper = os.open("d" * 100, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)


@pytest.mark.parametrize("depth", [1, 3, 5000])
def test_tree_of_any_depth_is_removed(tmp_path, depth):
    deep_tree(tmp_path, depth)

    empty_folder(str(tmp_path))

    assert list(tmp_path.iterdir()) == []


def test_links_are_removed_and_never_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    scratch = tmp_path / "scratch"
    (scratch / "inner").mkdir(parents=True)
    (scratch / "link").symlink_to(outside)
    (scratch / "inner" / "link").symlink_to(outside, target_is_directory=True)

    remove_folder(str(scratch))

    assert not scratch.exists()
    assert (outside / "kept").read_text() == "kept"


def test_folders_without_permissions_are_removed(tmp_path):
    locked = tmp_path / "a" / "locked"
    (locked / "below").mkdir(parents=True)
    (locked / "file").write_text("x")
    locked.chmod(0)

    empty_folder(str(tmp_path))

    assert list(tmp_path.iterdir()) == []


def test_names_that_collide_with_our_own_do_no_harm(tmp_path):
    for at in range(1, 4):
        (tmp_path / f"dspex-remove-{at}" / "a" / "b").mkdir(parents=True)

    empty_folder(str(tmp_path))

    assert list(tmp_path.iterdir()) == []


def test_removing_what_is_not_there_is_quiet(tmp_path):
    remove_folder(str(tmp_path / "missing"))

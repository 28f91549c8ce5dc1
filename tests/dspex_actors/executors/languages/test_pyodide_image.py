"""Images of Pyodide: what is taken for one, and what is refused."""

from __future__ import annotations

import json

import pytest

from dspex_actors import EngineNotFoundError, EngineStartError, EngineVersionError
from dspex_actors.executors.languages import _pyodide_image as images

ABOUT = {
    "pyodide": "0.29.5",
    "python": "3.13.2",
    "node": "24",
    "packages": {"a": "1"},
    "requirements": ["a"],
    "preload": [],
}


def make(folder, name="web", content="x"):
    draft = folder / "draft"
    (draft / "packages").mkdir(parents=True)
    (draft / "packages" / "a.py").write_text(content)
    return images.seal(draft, name, ABOUT)


def test_an_image_is_read_by_its_name_and_by_its_own_path(tmp_path):
    folder = make(tmp_path)

    by_name, by_path = images.read_image(tmp_path / "web"), images.read_image(folder)
    assert by_name == by_path
    assert (by_name.path, by_name.pyodide, by_name.packages) == (folder, "0.29.5", {"a": "1"})
    assert (by_name.requirements, by_name.preload) == (("a",), ())


def test_an_image_is_its_users_own_and_named_by_its_content(tmp_path):
    first, second = make(tmp_path), make(tmp_path, content="y")

    assert first.name != second.name
    assert first.stat().st_mode & 0o777 == 0o700
    assert (first / "packages" / "a.py").stat().st_mode & 0o777 == 0o600
    assert images.read_image(tmp_path / "web").path == second


def test_equal_images_are_one_and_may_have_two_names(tmp_path):
    assert make(tmp_path, "one") == make(tmp_path, "two")
    assert images.read_image(tmp_path / "one") == images.read_image(tmp_path / "two")


def test_an_image_that_is_nowhere_is_not_found(tmp_path):
    with pytest.raises(EngineNotFoundError, match="there is no image"):
        images.read_image(tmp_path / "web")


def change(folder):
    (folder / "packages" / "a.py").write_text("z")


def add(folder):
    (folder / "packages" / "b.py").write_text("")


def remove(folder):
    (folder / "packages" / "a.py").unlink()


def link(folder):
    remove(folder)
    (folder / "packages" / "a.py").symlink_to("/etc/passwd")


@pytest.mark.parametrize(
    ("harm", "named"), [(change, "a.py"), (add, "b.py"), (remove, "a.py"), (link, "a.py")]
)
def test_an_image_that_is_not_as_it_was_made_is_refused_with_the_file(tmp_path, harm, named):
    folder = make(tmp_path)
    harm(folder)

    with pytest.raises(EngineStartError, match=rf"{named} is not as the image was made"):
        images.read_image(folder)


def test_a_manifest_that_was_changed_no_longer_names_its_folder(tmp_path):
    folder = make(tmp_path)
    manifest = json.loads((folder / "image.json").read_text())
    (folder / "image.json").write_text(json.dumps(manifest | {"packages": {}}))

    with pytest.raises(EngineStartError, match="not named by what is in it"):
        images.read_image(folder)


@pytest.mark.parametrize("which", ["image", "around"])
def test_an_image_that_others_may_write_to_is_refused(tmp_path, which):
    folder = make(tmp_path)
    harmed = folder if which == "image" else tmp_path
    harmed.chmod(0o777)

    with pytest.raises(EngineStartError, match=f"others may write to {harmed}"):
        images.read_image(folder)


def test_an_image_of_another_version_of_this_package_is_too_old(tmp_path, monkeypatch):
    folder = make(tmp_path)
    monkeypatch.setattr(images, "frozen_digest", lambda: "another")

    with pytest.raises(EngineVersionError, match="by another version of this package"):
        images.read_image(folder)


def test_images_that_nobody_can_use_any_more_are_removed_by_the_next_one(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(images, "frozen_digest", lambda: "another")
        old, named = make(tmp_path, content="1"), make(tmp_path, "other", content="2")
    unnamed = make(tmp_path, content="3")
    make(tmp_path, content="4")

    assert not old.exists()
    assert named.exists()
    assert unnamed.exists()


@pytest.mark.parametrize(
    ("given", "place"), [(None, "default"), ("web", "web"), ("./web", None), ("/opt/web", None)]
)
def test_a_name_is_looked_up_among_the_images_and_a_path_is_taken_as_it_is(given, place):
    found = images.place_of(given)

    assert str(found) == str(images.images_folder() / place if place else found.__class__(given))


def test_what_snapshots_freeze_is_found_and_part_of_the_digest(monkeypatch):
    before = images.frozen_digest()
    for pattern in images._FROZEN:
        assert list(images._PACKAGE.glob(pattern)), pattern
    monkeypatch.setattr(images, "_FROZEN", images._FROZEN[1:])

    assert images.frozen_digest() != before

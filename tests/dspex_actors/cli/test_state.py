"""`dspex-actors state` shows what a store holds, and changes it only where it is told to."""

from __future__ import annotations

import os

import pytest

from dspex_actors.cli import ExitCode
from dspex_actors.state import Sqlite, States
from tests.dspex_actors.cli._store import BACKENDS, ended, filled, plain, said


@pytest.fixture(params=BACKENDS)
def store(request, tmp_path):
    return filled(request.param, tmp_path / "states")


def test_a_list_has_one_line_for_each_id_with_its_newest_version(store, capsys):
    code, lines, _ = said(capsys, "list", "--store", store)

    assert (code, len(lines)) == (0, 3)
    assert lines[0].split() == ["revision", "saved", "bytes", "label", "id"]
    assert [lines[1].split()[place] for place in (0, 3, 4)] == ["2", "2", "agent"]
    assert lines[2].endswith("  'odd\\nname'")


def test_the_versions_of_an_id_come_the_newest_first_and_as_many_as_are_wanted(store, capsys):
    assert [line.split()[0] for line in said(capsys, "list", "--store", store, "agent")[1]] == [
        "revision",
        "2",
        "1",
    ]
    code, data = plain(capsys, "list", "--store", store, "agent", "--limit", "1")
    assert code == 0
    assert [each["revision"] for each in data["versions"]] == [2]


def test_deleted_ids_and_snapshots_are_listed_when_asked_for(store, capsys):
    assert [each["id"] for each in plain(capsys, "list", "--store", store, "--deleted")[1]["versions"]] == [
        "gone"
    ]
    data = plain(capsys, "list", "--store", store, "--snapshots")[1]["snapshots"]
    assert [(each["name"], each["items"]) for each in data] == [("release", {"agent": 1})]
    assert said(capsys, "list", "--store", store, "--snapshots")[1][0].endswith("1 id  release")


@pytest.mark.parametrize(
    ("which", "step"), [((), 2), (("latest",), 2), (("1",), 1), (("=1",), 1), (("2",), 2)]
)
def test_a_version_is_shown_with_what_is_said_of_it(store, capsys, which, step):
    code, data = plain(capsys, "show", "--store", store, "agent", *which)

    assert (code, data["revision"], data["shape"], data["store"]) == (0, step, 1, store)
    assert data["state"]["step"] == step
    assert data["state"]["seen"]["$t"] == "set"
    _, lines, _ = said(capsys, "show", "--store", store, "agent", *which)
    assert lines[-1] == repr({"step": step, "seen": set(range(1, step + 1))})
    assert lines[:2] == ["id        agent", f"revision  {step}"]


def test_a_version_is_found_by_the_time_at_which_it_was_the_newest(store, capsys):
    times = [each["saved_at"] for each in plain(capsys, "list", "--store", store, "agent")[1]["versions"]]
    for moment, revision in zip(times, (2, 1), strict=True):
        assert plain(capsys, "show", "--store", store, "agent", f"@{moment}")[1]["revision"] == revision
    code, _, error = said(capsys, "show", "--store", store, "agent", "@2001-01-01T00:00Z")
    assert code == ExitCode.USAGE
    assert "the nearest are 1, 2" in error or "the nearest are 2, 1" in error


def test_a_difference_ends_with_one_and_names_each_part(store, capsys):
    code, lines, _ = said(capsys, "diff", "--store", store, "agent", "1")

    assert code == ExitCode.FOUND == 1
    assert lines == [
        "agent: revision 1 (1, schema 2) -> revision 2 (2): 2 differences",
        "~ state['step']: 1 -> 2",
        "+ state['seen']{2} = 2",
    ]
    code, data = plain(capsys, "diff", "--store", store, "agent", "1", "latest")
    assert (code, data["old"]["revision"], data["new"]["revision"]) == (1, 1, 2)
    assert data["differences"][0] == {
        "path": "state['step']",
        "change": "changed",
        "old": 1,
        "new": 2,
        "note": "",
    }
    assert said(capsys, "diff", "--store", store, "agent", "2")[0] == 0


def test_a_sound_store_is_said_to_be_sound(store, capsys):
    assert said(capsys, "verify", "--store", store)[:2] == (0, ["5 versions and 1 snapshot: all sound"])
    code, data = plain(capsys, "verify", "--store", store, "agent")
    assert (code, data["sound"], data["versions"], data["findings"]) == (0, True, 2, [])


def test_what_was_exported_is_imported_into_a_store_that_may_be_made(store, tmp_path, capsys):
    file = tmp_path / "all.dspe"
    done = said(capsys, "export", "--store", store, file)
    assert done[:2] == (0, ["exported 5 versions of 3 ids, 1 snapshot"])
    copy = f"sqlite:{tmp_path / 'copy.db'}"

    code, _, error = said(capsys, "import", "--store", copy, file)
    assert code == ExitCode.USAGE
    assert "`state import --create` makes one" in error
    assert not (tmp_path / "copy.db").exists()

    code, data = plain(capsys, "import", "--store", copy, file, "--create")
    assert (code, data["versions"], data["snapshots"]) == (0, 5, ["release"])
    assert plain(capsys, "show", "--store", copy, "agent", "1")[1]["metadata"] == {"by": "me"}
    assert said(capsys, "import", "--store", copy, file)[0] == ExitCode.USAGE
    assert said(capsys, "import", "--store", copy, file, "--existing", "skip")[0] == 0


def test_an_export_replaces_no_file_unless_told_to(store, tmp_path, capsys):
    file = tmp_path / "kept"
    file.write_bytes(b"mine")
    code, _, error = said(capsys, "export", "--store", store, file)
    assert (code, file.read_bytes()) == (ExitCode.USAGE, b"mine")
    assert "--overwrite replaces it" in error
    assert ended("export", "--store", store, file, "agent", "--overwrite") == 0
    assert file.read_bytes()[:4] == b"DSPE"


def test_pruning_says_first_and_then_does_what_is_told(store, capsys):
    arguments = ("prune", "--store", store, "--keep-versions", "1", "--all")
    assert said(capsys, *arguments, "--dry-run")[1][-1] == "2 versions would be removed"
    code, data = plain(capsys, *arguments)
    assert (code, data["removed"], data["total"]) == (0, {"gone": 1}, 1)  # the snapshot holds agent's
    assert said(capsys, *arguments)[1] == ["0 versions removed"]
    assert [each["revision"] for each in plain(capsys, "list", "--store", store, "agent")[1]["versions"]] == [
        2,
        1,
    ]


def test_what_was_the_newest_within_a_time_is_kept_by_pruning(store, capsys):
    arguments = ("prune", "--store", store, "gone", "--keep-for")
    assert plain(capsys, *arguments, "1h")[1]["total"] == 0
    assert plain(capsys, *arguments, "0")[1]["total"] == 1


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("show", "nobody"), "nothing was saved"),
        (("show", "gone"), "was deleted at revision 2"),
        (("show", "agent", "9"), "the nearest are 2, 1"),
        (("diff", "agent", "nothing"), "there is no version 'nothing'"),
        (("list", "nobody"), "there is no version of 'nobody'"),
        (("list", "x" * 257), "id must be text of 1 to 256"),
        (("list", "agent", "--snapshots"), "not of an id"),
        (("verify", "agent", "nobody"), "there is no version of 'nobody'"),
        (("export", "/nowhere/at/all", "nobody"), "there is no version of 'nobody'"),
        (("export", "/nowhere/at/all"), "cannot write /nowhere/at/all: No such file or directory"),
        (("import", "/nowhere/at/all"), "cannot read /nowhere/at/all: No such file or directory"),
        (("prune", "nobody", "--keep-versions", "1"), "there is no version of 'nobody'"),
        (("prune", "--keep-versions", "1"), "say of which ids: name them, or --all"),
        (("prune", "agent", "--all", "--keep-versions", "1"), "say of which ids: name them, or --all"),
        (("prune", "--all"), "say what to keep"),
        (("prune", "--all", "--keep-versions", "0"), "must be a whole number >= 1, got '0'"),
        (("prune", "--all", "--keep-for", "soon"), "with m, h, d or w behind it, got 'soon'"),
        (("show", "agent", "@2026-01-01T00:00"), "must be a time with a time zone"),
        (("show", "agent", "@soon"), "must be a time with a time zone"),
        (("show", "agent", "="), "must be latest, a revision"),
        (("list", "--deleted", "--snapshots"), "not allowed with"),
        (("list", "--allow-pickle"), "unrecognized arguments: --allow-pickle"),
    ],
)
def test_what_is_not_there_or_makes_no_sense_ends_with_two(store, capsys, arguments, error):
    code, lines, complaint = said(capsys, *arguments, "--store", store)

    assert (code, lines) == (ExitCode.USAGE, [])
    assert error in complaint


@pytest.mark.parametrize(
    "action", ["list", "verify", "show agent", "diff agent 1", "export e", "prune --all --keep-versions 1"]
)
@pytest.mark.parametrize("kind", BACKENDS)
def test_no_action_makes_a_store_that_is_not_there(tmp_path, capsys, monkeypatch, action, kind):
    monkeypatch.chdir(tmp_path)
    code, lines, error = said(capsys, *action.split(), "--store", f"{kind}:states")

    assert (code, lines) == (ExitCode.USAGE, [])
    assert "there is no store in states" in error
    assert os.listdir(tmp_path) == []  # noqa: PTH208 -- names


def test_the_store_may_be_named_by_the_environment(store, capsys, monkeypatch):
    monkeypatch.delenv("DSPEX_STATE_STORE", raising=False)
    code, _, error = said(capsys, "list")
    assert code == ExitCode.USAGE
    assert "by --store or the variable DSPEX_STATE_STORE" in error
    monkeypatch.setenv("DSPEX_STATE_STORE", store)
    assert said(capsys, "verify")[0] == 0


def test_a_store_of_another_program_is_a_failure_of_the_store_and_stays_as_it_is(tmp_path, capsys):
    path = tmp_path / "text"
    path.write_text("not a database, and long enough to be looked at as one\n" * 20)
    before = path.read_bytes()
    code, _, error = said(capsys, "list", "--store", path)
    assert code == ExitCode.STORE_FAILED == 5
    assert "not a database" in error
    assert path.read_bytes() == before


def test_a_terminal_is_not_driven_by_what_a_store_holds(tmp_path, capsys, monkeypatch):
    with States.open(Sqlite(path=tmp_path / "s.db")) as states:
        states.save("\x1b[2J", {"\x1b]0;x\x07": 1}, metadata={"\x1b[2J": "\x1b[2J"})
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(f"sys.{stream}.isatty", lambda: True)
    for action in ("list", "list \x1b[2J", "show \x1b[2J", "diff \x1b[2J 1"):
        code, lines, error = said(capsys, *action.split(" "), "--store", f"sqlite:{tmp_path / 's.db'}")
        assert code == 0
        assert "\x1b" not in error + "".join(lines)

"""What a store holds is checked, and no pickle is loaded unless that is asked for with the key."""

from __future__ import annotations

import pytest

from dspex_actors.cli import ExitCode
from dspex_actors.serialization import KeyRing, Serializer
from dspex_actors.state import States, StoreConfig
from tests.dspex_actors.cli._store import BACKENDS, damage, ended, filled, plain, said

SIGNING, SEALING, OTHER = (bytes([number]) * 32 for number in (1, 2, 3))
KEYS = f'[signing]\n"2026-12" = "{SIGNING.hex()}"\n'


class Loaded:
    """Notes that it was unpickled."""

    times = 0

    def __reduce__(self):
        return Loaded._again, ()

    @staticmethod
    def _again():
        Loaded.times += 1
        return Loaded()


@pytest.fixture
def keys(tmp_path):
    """Give a function that writes a file of keys."""

    def write(text=KEYS):
        file = tmp_path / "keys.toml"
        file.write_text(text)
        return file

    return write


def save_pickle(path, serializer):
    with States.open(BACKENDS["sqlite"](path=path), StoreConfig(serializer=serializer)) as states:
        states.save("object", Loaded())
    Loaded.times = 0
    return f"sqlite:{path}"


def test_damage_ends_with_one_and_is_named_by_id_and_revision(tmp_path, capsys):
    path = tmp_path / "s.db"
    with States.open(
        BACKENDS["sqlite"](path=path), StoreConfig(serializer=Serializer(compression="none"))
    ) as states:
        for text in ("the first", "the second", "the third"):
            states.save("agent", text)
        states.save("other", "well")
    damage(path, b"the second", b"the sEcond")
    damage(path, b"the third", b"the thIrd")
    store = f"sqlite:{path}"

    code, lines, error = said(capsys, "verify", "--store", store)
    assert (code, error) == (ExitCode.FOUND, "")
    assert [line.partition(": ")[2].partition(":")[0] for line in lines[:-1]] == [
        "'agent' revision 3",
        "'agent' revision 2",
    ]
    assert lines[-1] == "4 versions and 0 snapshots: 2 findings"
    code, data = plain(capsys, "verify", "--store", store)
    assert (code, data["sound"]) == (ExitCode.FOUND, False)
    assert [(each["id"], each["revision"]) for each in data["findings"]] == [("agent", 3), ("agent", 2)]
    assert said(capsys, "verify", "--store", store, "other")[0] == 0

    code, lines, error = said(capsys, "show", "--store", store, "agent")
    assert (code, lines) == (ExitCode.STORE_FAILED, [])
    assert "revision 3 of 'agent' is damaged" in error
    assert said(capsys, "show", "--store", store, "agent", "1")[0] == 0
    assert said(capsys, "export", "--store", store, tmp_path / "e")[0] == ExitCode.STORE_FAILED
    assert not (tmp_path / "e").exists()


def test_a_version_whose_description_is_damaged_is_listed_as_damaged(tmp_path, capsys):
    store = filled("sqlite", tmp_path / "s.db", serializer=Serializer(compression="none"))
    path = tmp_path / "s.db"
    content = path.read_bytes()
    place = content.index(b"schema_version")
    path.write_bytes(content[:place] + b"S" + content[place + 1 :])

    code, data = plain(capsys, "list", "--store", store, "agent")
    assert code == 0
    assert sum(each["damaged"] is not None for each in data["versions"]) <= 1
    lines = said(capsys, "list", "--store", store, "agent")[1]
    assert len(lines) == 3


def test_signed_and_encrypted_states_are_read_with_the_file_of_keys_alone(
    tmp_path, capsys, keys, monkeypatch
):
    rings = {"signing": KeyRing({"2026-12": SIGNING}), "encryption": KeyRing({"e": SEALING})}
    store = filled("sqlite", tmp_path / "s.db", serializer=Serializer(**rings))
    file = keys(KEYS + f'[encryption]\ne = "{SEALING.hex()}"\n')

    assert plain(capsys, "show", "--store", store, "agent", "--keys", file)[1]["state"]["step"] == 2
    assert ended("verify", "--store", store, "--keys", file) == 0
    monkeypatch.setenv("DSPEX_STATE_KEYS", str(file))
    assert ended("verify", "--store", store) == 0
    monkeypatch.delenv("DSPEX_STATE_KEYS")
    capsys.readouterr()

    code, _, error = said(capsys, "show", "--store", store, "agent")
    assert code == ExitCode.STORE_FAILED
    assert "2026-12" in error
    code, lines, _ = said(capsys, "verify", "--store", store)
    assert code == ExitCode.FOUND
    assert len(lines) >= 5


def test_what_is_not_signed_is_read_beside_keys_only_if_that_is_allowed(tmp_path, capsys, keys):
    store, file = filled("file", tmp_path / "s"), keys()
    assert said(capsys, "show", "--store", store, "agent", "--keys", file)[0] == ExitCode.STORE_FAILED
    assert said(capsys, "show", "--store", store, "agent", "--keys", file, "--accept-unsigned")[0] == 0


@pytest.mark.parametrize("arguments", [("show", "object"), ("diff", "object", "1", "1")])
def test_a_pickle_is_loaded_only_if_asked_for_with_the_key_that_signed_it(tmp_path, capsys, keys, arguments):
    signing = KeyRing({"2026-12": SIGNING})
    store = save_pickle(tmp_path / "s.db", Serializer(format="pickle", allow_pickle=True, signing=signing))
    file = keys()

    for options in ((), ("--keys", file)):
        code, lines, _ = said(capsys, *arguments, "--store", store, *options)
        assert (code, lines) == (ExitCode.STORE_FAILED, [])
    code, _, error = said(capsys, *arguments, "--store", store, "--allow-pickle")
    assert code == ExitCode.USAGE
    assert "--allow-pickle needs --keys with a table [signing]" in error
    wrong = keys(KEYS.replace(SIGNING.hex(), OTHER.hex()))
    assert (
        said(capsys, *arguments, "--store", store, "--allow-pickle", "--keys", wrong)[0]
        == ExitCode.STORE_FAILED
    )
    for action in ("list", "verify", "prune --all --keep-versions 1"):
        assert said(capsys, *action.split(), "--store", store, "--keys", keys())[0] == 0
    assert said(capsys, "export", "--store", store, tmp_path / "e", "--keys", keys())[0] == 0
    assert Loaded.times == 0

    assert said(capsys, *arguments, "--store", store, "--allow-pickle", "--keys", keys())[0] in {0, 1}
    assert Loaded.times > 0


def test_an_unsigned_pickle_is_not_loaded_even_where_unsigned_states_are_read(tmp_path, capsys, keys):
    store = save_pickle(tmp_path / "s.db", Serializer(format="pickle", allow_pickle=True, trusted=True))
    options = ("--store", store, "--allow-pickle", "--keys", keys(), "--accept-unsigned")

    code, _, error = said(capsys, "show", "object", *options)
    assert code == ExitCode.STORE_FAILED
    assert "see --allow-pickle" in error
    assert Loaded.times == 0


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "it has nothing"),
        ("[singing]\na = 'b'\n", "it has singing"),
        ("signing = 3\n", "it has signing"),
        ("[signing]\na = 3\n", "the key 'a' in"),
        ("[signing]\na = 'not hexadecimal!'\n", "must be hexadecimal or base64 text"),
        ("[signing]\na = 'abcd'\n", "must be 32 bytes, got '2 bytes'"),
        ("[signing]\n", "KeyRing.keys must be at least one key"),
        ("[signing\n", "cannot read the keys in"),
    ],
)
def test_a_file_that_holds_no_keys_is_refused_and_not_repeated(tmp_path, capsys, keys, text, error):
    store = filled("file", tmp_path / "s")
    code, _, complaint = said(capsys, "list", "--store", store, "--keys", keys(text))
    assert code == ExitCode.USAGE
    assert error in complaint
    assert "hexadecimal!" not in complaint
    assert "abcd" not in complaint


def test_keys_may_be_written_in_base64_and_have_to_be_there(tmp_path, capsys, keys):
    store = filled("file", tmp_path / "s", serializer=Serializer(signing=KeyRing({"a": SIGNING})))
    file = keys('[signing]\na = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="\n')
    assert said(capsys, "verify", "--store", store, "--keys", file)[0] == 0
    assert said(capsys, "verify", "--store", store, "--keys", tmp_path / "none")[0] == ExitCode.USAGE


@pytest.mark.parametrize("arguments", [["state", "list", "--stroe"], ["state", "lsit", "--store"], ["stat"]])
def test_a_misspelt_command_line_is_not_repeated_with_its_password(capsys, arguments):
    assert ended(*arguments[1:], "redis://me:hunter2@host/0") == ExitCode.USAGE
    captured = capsys.readouterr()
    assert "hunter2" not in captured.out + captured.err


def test_a_server_that_cannot_be_reached_is_named_without_its_password(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("DSPEX_STATE_PASSWORD", "hunter2")
    for url in (f"unix://{tmp_path}/socket", f"postgresql://me@/db?host={tmp_path}"):
        code, lines, error = said(capsys, "list", "--store", url)
        assert (code, lines) == (ExitCode.STORE_FAILED, [])
        assert "could not open" in error
        assert "hunter2" not in error

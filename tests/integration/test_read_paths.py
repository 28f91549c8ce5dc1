"""Guests read what the policy lends them, change none of it, and reach nothing beside it by any way."""

from __future__ import annotations

import os
import textwrap
from functools import partial

import pytest

from dspex_actors import ConfigError, Limits, Policy, SandboxUnavailableError
from dspex_actors._policy import ESSENTIAL_LAYERS, LAYERS
from dspex_actors.executors import _zygote_actor
from dspex_actors.workers import zygote_config
from tests.integration._denials import guest_code
from tests.integration._tools import BareZygote, runtime_of

_NAMESPACES = tuple(layer for layer in LAYERS if layer.endswith("_namespace"))
_REFUSED = {"EACCES", "EPERM", "EROFS", "ENOENT", "EXDEV"}
MACHINES = {"all layers": (), "no namespaces": _NAMESPACES, "no Landlock": ("landlock",)}
PATIENT = Limits(time_s=30.0)


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """Return a folder of the host: `lent` and `lent_file` are for guests, `kept` and all else is not."""
    folder = tmp_path_factory.mktemp("host")
    for path in (folder, folder.parent):
        path.chmod(0o755)
    for name in ("lent/deep", "kept"):
        (folder / name).mkdir(parents=True)
    for name in ("lent/a.txt", "lent/deep/b.txt", "lent_file", "kept/secret", "beside"):
        (folder / name).write_text(f"content of {name}")
        (folder / name).chmod(0o666)  # what keeps guests from it is not its mode
    for name in ("lent", "lent/deep", "kept"):
        (folder / name).chmod(0o777)
    (folder / "lent" / "link_out").symlink_to(folder / "kept" / "secret")
    (folder / "lent" / "link_in").symlink_to("a.txt")
    (folder / "link").symlink_to(folder / "lent")
    return folder


def policy_of(host, machine, **options):
    # Where Landlock is missing the policy has to accept that; what it says about files holds all the same.
    require = ESSENTIAL_LAYERS - set(MACHINES[machine])
    return Policy(read_paths=(host / "lent", host / "lent_file"), require=require, **options)


# Without a pid namespace or a control group, shell starts nothing.
WHERE = [(machine, profile) for machine in MACHINES for profile in ("process", "shell")]
WHERE.remove(("no namespaces", "shell"))


@pytest.fixture(scope="module", params=WHERE, ids="-".join)
def zygote(request, host, clean_module):  # noqa: ARG001 -- set up before
    """Yield a zygote of this machine and of lesser ones, in both profiles that have a sandbox and files."""
    machine, profile = request.param
    with BareZygote(policy_of(host, machine, profile=profile), MACHINES[machine]) as zygote:
        yield zygote


@pytest.fixture(autouse=True)
def changes_nothing_on_the_host(host):
    def state():
        return {path: (path.lstat().st_mtime_ns, path.lstat().st_mode) for path in sorted(host.rglob("*"))}

    before = state()
    yield
    assert state() == before


def test_what_is_lent_can_be_read_under_the_hosts_own_paths(zygote, host):
    code = (
        "import os\n"
        "[open(f'{host}/lent/a.txt').read(), open(f'{host}/lent/deep/b.txt').read(),\n"
        " open(f'{host}/lent/link_in').read(), open(f'{host}/lent_file').read(),\n"
        " sorted(os.listdir(f'{host}/lent'))]"
    )

    assert zygote.run(code, PATIENT, {"host": str(host)}).value == [
        "content of lent/a.txt",
        "content of lent/deep/b.txt",
        "content of lent/a.txt",
        "content of lent_file",
        ["a.txt", "deep", "link_in", "link_out"],
    ]


ATTEMPTS = {
    "reading what lies beside": "open(f'{host}/beside').read()",
    "reading a folder that lies beside": "os.listdir(f'{host}/kept')",
    "going up from a lent folder": "open(f'{host}/lent/../kept/secret').read()",
    "going up from a lent file": "open(f'{host}/lent/deep/../../beside').read()",
    "going up by descriptor": "fd = os.open(f'{host}/lent', 0); os.open('../beside', 0, dir_fd=fd)",
    "changing into a lent folder and going up": "os.chdir(f'{host}/lent'); open('../beside').read()",
    "a link of the host's that leads out": "open(f'{host}/lent/link_out').read()",
    "a link of its own that leads out": "os.symlink(f'{host}/beside', 'l1'); open('l1').read()",
    "a link of its own through a lent folder": "os.symlink(f'{host}/lent/../beside', 'l2'); open('l2')",
    "a hard link to what lies beside": "os.link(f'{host}/beside', 'h1'); open('h1').read()",
    "a hard link to what is lent": "os.link(f'{host}/lent_file', 'h2'); open('h2', 'w')",
    "a hard link to a file of a lent folder": "os.link(f'{host}/lent/a.txt', 'h3'); open('h3', 'w')",
    "writing a lent file": "open(f'{host}/lent_file', 'w')",
    "appending to a file in a lent folder": "open(f'{host}/lent/a.txt', 'a')",
    "writing it through a link": "os.symlink(f'{host}/lent/a.txt', 'l3'); open('l3', 'r+')",
    "truncating it": "os.truncate(f'{host}/lent/a.txt', 0)",
    "truncating what is open for reading": "os.ftruncate(os.open(f'{host}/lent/a.txt', 0), 0)",
    "making a file in a lent folder": "open(f'{host}/lent/new', 'w')",
    "making a file without a name": "os.open(f'{host}/lent', os.O_TMPFILE | os.O_RDWR)",
    "making a folder in it": "os.mkdir(f'{host}/lent/new')",
    "making a link in it": "os.symlink('x', f'{host}/lent/new')",
    "removing a file from it": "os.unlink(f'{host}/lent/a.txt')",
    "removing a folder from it": "os.rmdir(f'{host}/lent/deep')",
    "renaming within it": "os.rename(f'{host}/lent/a.txt', f'{host}/lent/c.txt')",
    "moving a lent file out": "os.rename(f'{host}/lent/a.txt', 'mine')",
    "moving a file in": "open('f', 'w').close(); os.rename('f', f'{host}/lent/f')",
    "moving a file over a lent one": "open('f', 'w').close(); os.replace('f', f'{host}/lent_file')",
    "exchanging it with one of its own": (
        "open('f', 'w').close(); syscall(renameat2, -100, b'f', -100, f'{host}/lent_file'.encode(), 2)"
    ),
    "opening a lent file again for writing": (
        "fd = os.open(f'{host}/lent_file', 0); open(f'/proc/self/fd/{fd}', 'w')"
    ),
    "what lies beside by /proc": "open(f'/proc/self/root{host}/beside').read()",
    "what lies beside by the working folder": "open(f'/proc/self/cwd/../../..{host}/beside').read()",
    "a descriptor's folder by /proc": (
        "fd = os.open(f'{host}/lent', 0); open(f'/proc/self/fd/{fd}/../beside').read()"
    ),
}
_RENAMEAT2 = {"x86_64": 316, "aarch64": 276}.get(os.uname().machine, 316)


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_the_way_around_is_refused(zygote, host, attempt):
    variables = {"host": str(host), "renameat2": _RENAMEAT2}

    outcome = zygote.run(guest_code(ATTEMPTS[attempt]), PATIENT, variables).value

    # A descriptor that is open for reading cannot be truncated, which is not the sandbox's doing.
    assert outcome in (_REFUSED | {"EINVAL"} if "ftruncate" in ATTEMPTS[attempt] else _REFUSED)


@pytest.mark.parametrize("change", ["os.chmod(path, 0)", "os.utime(path, (0, 0))", "os.chown(path, 0, 0)"])
def test_mode_times_and_owner_of_what_is_lent_stay_as_they_are(zygote, host, change):
    code = guest_code(f"path = f'{{host}}/lent/a.txt'\n{change}")

    # In the host's root the first two say nothing and do nothing; see `changes_nothing_on_the_host`.
    assert zygote.run(code, PATIENT, {"host": str(host)}).value in {*_REFUSED, "allowed"}


def test_the_report_says_that_what_is_lent_was_tried(zygote):
    layer = zygote.layers["host_paths"]

    assert (layer.active, layer.detail) == (True, "refused")


def test_programs_that_a_guest_of_shell_starts_are_held_as_well(host):
    code = (
        "import subprocess\n"
        "commands = 'cat lent_file', 'cat beside', 'echo x > lent/new', 'rm -f lent/a.txt'\n"
        "[subprocess.run(['sh', '-c', f'cd {host}/lent; cd ..; {each}'], capture_output=True).returncode\n"
        " for each in commands]"
    )
    with BareZygote(policy_of(host, "all layers", profile="shell")) as zygote:
        codes = zygote.run(code, PATIENT, {"host": str(host)}).value

    assert [code == 0 for code in codes] == [True, False, False, False]


def test_a_path_that_is_a_link_is_lent_under_its_own_name(host):
    with BareZygote(Policy(read_paths=(host / "link",))) as zygote:
        code = "[open(f'{host}/link/a.txt').read(), open(f'{host}/lent/a.txt').read()]"

        assert zygote.run(code, PATIENT, {"host": str(host)}).value == ["content of lent/a.txt"] * 2


def test_a_folder_above_the_probes_own_file_can_be_lent_and_the_rest_is_still_tried():
    with BareZygote(Policy(read_paths=("/etc/passwd",))) as zygote:
        active = {name: layer.active for name, layer in zygote.layers.items()}

        assert zygote.run("open('/etc/passwd').read(4)").value == "root"
        assert active["host_paths"]
        assert active["landlock"]
        assert active["mount_namespace"]


@pytest.fixture
def machine_without(monkeypatch):
    """Make this machine one that lacks layers."""

    def take_away(*layers):
        monkeypatch.setattr(_zygote_actor, "zygote_config", partial(zygote_config, disabled_layers=layers))

    return take_away


def test_where_neither_layer_holds_nothing_is_started_even_if_nothing_is_required(machine_without, host):
    machine_without("landlock", *_NAMESPACES)

    with pytest.raises(SandboxUnavailableError, match="host_paths") as caught:
        runtime_of(policy=Policy(read_paths=(host / "lent",), require=()))
    assert caught.value.fix

    with runtime_of(policy=Policy(require=()), spares=1) as runtime:  # which asks for no such thing
        assert runtime.execute("1 + 1").value == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="the owner can always read")
def test_what_the_guests_user_may_not_read_is_an_error_at_the_start_and_no_surprise_later(tmp_path):
    private = tmp_path / "private"
    (private / "inner").mkdir(parents=True)
    os.chown(private, 12345, 12345)
    private.chmod(0o700)

    with pytest.raises(SandboxUnavailableError, match="host_paths") as caught:
        runtime_of(policy=Policy(read_paths=(private / "inner",)))
    assert "cannot be read" in caught.value.reason


@pytest.mark.skipif(os.geteuid() != 0, reason="only guests of root have users of their own")
def test_a_path_that_is_private_to_root_is_lent_at_the_price_of_the_guests_own_users(tmp_path):
    tmp_path.chmod(0o700)
    (tmp_path / "file").write_text("private")
    with BareZygote(Policy(read_paths=(tmp_path,))) as zygote:
        code = "import os\nopen(f'{folder}/file').read(), os.getuid()"

        assert zygote.run(code, PATIENT, {"folder": str(tmp_path)}).value == ("private", 0)
        assert not zygote.layers["process_limit"].active
        assert str(tmp_path) in zygote.layers["process_limit"].detail


@pytest.mark.parametrize(
    ("path", "words"), [("missing", "exist"), ("socket_like", "exist"), ("to_proc", "other than")]
)
def test_a_path_that_cannot_be_lent_is_an_error_at_the_start(tmp_path, path, words):
    os.mkfifo(tmp_path / "socket_like")
    (tmp_path / "to_proc").symlink_to("/proc/self")

    with pytest.raises(ConfigError, match=words) as caught:
        runtime_of(policy=Policy(read_paths=(tmp_path / path,)))
    assert caught.value.field == "Policy.read_paths"


@pytest.mark.parametrize("options", ["read_paths", "write_paths"])
def test_a_folder_that_holds_the_scratch_folders_of_all_guests_cannot_be_lent(options, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp()  # see `temporary_folder_of_our_own`
    value = (folder,) if options == "read_paths" else {"out": folder}

    with pytest.raises(ConfigError, match="scratch folders"):
        runtime_of(policy=Policy(**{options: value}))


def test_sessions_read_what_is_lent_in_every_call_and_after_a_rollback(host):
    code = textwrap.dedent("""
        seen = open(f'{host}/lent/a.txt').read()
        seen
    """)
    with (
        runtime_of(policy=Policy(read_paths=(host / "lent",)), spares=1) as runtime,
        runtime.session() as session,
    ):
        session.execute("host = given", variables={"given": str(host)})
        session.execute("while True: pass", limits=Limits(time_s=0.2))

        assert session.execute(code).value == "content of lent/a.txt"
        assert session.execute("open(f'{host}/lent/a.txt', 'w')").error.type in {"OSError", "PermissionError"}
        assert session.execute("open(f'{host}/beside')").error.type in {
            "FileNotFoundError",
            "PermissionError",
        }

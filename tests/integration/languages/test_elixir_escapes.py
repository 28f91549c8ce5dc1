"""The lint finds names in code and is no boundary: what walks around it ends at the layers of the sandbox."""

from __future__ import annotations

import socket

import pytest

from dspex_actors import Completed, ExecutorConfig, Failed, Limits, Runtime, RuntimeConfig, WorkerDied
from dspex_actors.executors.languages import PURE_LINT, elixir
from tests._engines import need_engine

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")


@pytest.fixture(scope="module", autouse=True)
def _engine():
    need_engine("elixir")


@pytest.fixture(scope="module")
def pure(clean_module):  # noqa: ARG001 -- set up before
    """Give a session with the lint for code that only computes."""
    executor = ExecutorConfig(limits=Limits(time_s=30.0), spares=0, start_timeout_s=60.0)
    runtime = Runtime(RuntimeConfig(executor=executor, languages=(elixir(lint=PURE_LINT),)))
    with runtime, runtime.session(language="elixir") as session:
        yield session


@pytest.fixture(scope="module")
def session(runtime):
    """Give a session with the usual lint."""
    with runtime.session(language="elixir") as session:
        yield session


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ('File.read!("/etc/passwd")', "File"),
        ('1\n|> then(fn _ -> System.cmd("ls", []) end)', "System"),
        ("alias System, as: S\nS.pid()", "System.pid"),
        ("alias Task.Supervisor\nSupervisor.start_link([])", "Task.Supervisor"),
        (":os.getpid()", ":os.getpid"),
        ("m = :os\nm.getpid()", None),
        (':"Elixir.System".pid()', "System.pid"),
        ("apply(:os, :getpid, [])", "apply"),
        ("Kernel.apply(:os, :getpid, [])", "apply"),
        ("Kernel.spawn(fn -> 1 end)", "spawn"),
        ("Enum.map([fn -> 1 end], &spawn/1)", "spawn"),
        ("&System.pid/0", "System.pid"),
        ("Function.capture(:os, :getpid, 0)", ":os.getpid"),
        ("m = Node\nm.self", "Node"),
        ('m = String.to_atom("Elixir.System")\nm.pid', "String.to_atom"),
        ('import String\nto_atom("Elixir.System")', "String.to_atom"),
        ("receive do\n :a -> 1\nend", "receive"),
        ("defmodule A do\nend", "defmodule"),
    ],
)  # fmt: skip
def test_the_lint_names_what_the_code_uses_and_where(pure, code, names):
    result = pure.execute(code)

    if names is None:
        assert isinstance(result, Completed), result
        return
    assert isinstance(result, Failed), result
    assert result.error.type == "LintError"
    assert result.error.message.startswith("this code is not meant to use ")
    assert names in result.error.message.removeprefix("this code is not meant to use ").split(", ")
    assert ": " + names in result.error.traceback


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("Enum.sum(1..10) |> Integer.to_string()", "55"),
        ('%{file: 1, os: 2, system: "File"}', {"file": 1, "os": 2, "system": "File"}),
        ('x = %{"a" => 1}\n"#{x["a"]}"', "1"),
        ("node = 1\nnode + 1", 2),
    ],
)
def test_the_lint_lets_code_pass_that_only_computes(pure, code, value):
    result = pure.execute(code)

    assert isinstance(result, Completed), result
    assert result.value == value


# Each gives a function that calls what the usual lint forbids, unseen by it.
ESCAPES = {
    "a module from text": """
call = fn module, function, arguments ->
  m = String.to_atom(module)
  apply(m, function, arguments)
end
""",
    "a module in a variable": """
call = fn module, function, arguments ->
  m = List.to_existing_atom(String.to_charlist(module))
  Function.capture(m, function, length(arguments)) |> apply(arguments)
end
""",
    "a captured function": """
call = fn module, function, arguments ->
  Function.capture(:erlang, :apply, 3).(:"#{module}", function, arguments)
end
""",
    "Kernel's own apply": """
call = fn module, function, arguments ->
  Kernel.apply(:"#{module}", function, arguments)
end
""",
    "a process of its own": """
call = fn module, function, arguments ->
  own = self()
  Kernel.spawn(fn ->
    result = try do {:ok, apply(:"#{module}", function, arguments)} rescue error -> {:error, error} end
    send(own, {:result, result})
  end)
  receive do
    {:result, {:ok, value}} -> value
    {:result, {:error, error}} -> raise error
  end
end
""",
}
ATTEMPTS = {
    "reading a file of the host": 'call.("Elixir.File", :read!, ["{secret}"])',
    "reading the accounts of the host": 'call.("Elixir.File", :read!, ["/etc/passwd"])',
    "reading the host's environment": 'call.("Elixir.System", :fetch_env!, ["SECRET_OF_THE_HOST"])',
    "reading what the worker was started with": 'call.("Elixir.File", :read!, ["/proc/1/environ"])',
    "writing outside of the scratch folder": 'call.("Elixir.File", :write!, ["{secret}", "x"])',
    "starting a shell": 'call.("Elixir.System", :cmd, ["/bin/sh", ["-c", "echo"]])',
    "starting a program by a port": 'call.("erlang", :open_port, [{{:spawn, ~c"ls"}}, [:exit_status]])\n'
    "receive do\n  {{_, {{:exit_status, 0}}}} -> 1\n  {{_, {{:exit_status, s}}}} -> raise to_string(s)\nend",
    "killing what started it": 'call.("Elixir.System", :cmd, ["/bin/kill", ["-9", "1"]])',
    "connecting": '{{:ok, _}} = call.("gen_tcp", :connect, [{{127, 0, 0, 1}}, {port}, []])',
    "connecting to a socket of the host's": '{{:ok, _}} = '
    'call.("gen_tcp", :connect, [{{:local, "{unix}"}}, 0, []])',
    "asking for a name": '{{:ok, _}} = call.("inet", :gethostbyname, [~c"example.org"])',
    "becoming a node": '{{:ok, _}} = call.("net_kernel", :start, [[:guest, :shortnames]])',
    "loading a library": ':ok = call.("erlang", :load_nif, [~c"{secret}", 0])',
}  # fmt: skip


@pytest.mark.parametrize("name", ESCAPES)
def test_the_escape_gets_past_the_lint_to_what_it_forbids(session, name):
    code = f'{ESCAPES[name]}{{call.("init", :get_status, []), call.("Elixir.Node", :self, [])}}'
    result = session.execute(code)

    assert isinstance(result, Completed), result
    assert result.value == (("started", "started"), "nonode@nohost")


@pytest.mark.parametrize("name", ATTEMPTS)
def test_what_an_escaped_guest_tries_is_refused_by_the_sandbox(session, name, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_HOST", "1")
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    secret.chmod(0o666)
    unix = tmp_path / "unix"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(str(unix))
        local.listen()
        attempt = ATTEMPTS[name].format(secret=secret, port=server.getsockname()[1], unix=unix)
        result = session.execute(f"{ESCAPES['a module from text']}{attempt}\n:reached")

    assert isinstance(result, Failed), result
    assert result.error.type != "LintError"
    assert secret.read_text() == "of the host"


@pytest.mark.parametrize("name", ESCAPES)
def test_each_escape_ends_at_the_files_of_the_host(session, name, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    secret.chmod(0o666)
    result = session.execute(f'{ESCAPES[name]}call.("Elixir.File", :read!, ["{secret}"])')

    assert isinstance(result, Failed), result
    assert "no such file" in result.error.message


KILL = "Process.exit(Process.whereis(DspexActors.Driver), :kill)\nProcess.sleep(:infinity)"
BREAKS = [
    ('for socket <- :socket.which_sockets(), do: :socket.send(socket, "rubbish that is no frame")\n1', False),
    ("for pid <- Process.list(), pid != self(), do: Process.exit(pid, :kill)", True),
    ("send(DspexActors.Driver, {:DOWN, 1, 2, 3, 4})\n1", True),
    ("for module <- [DspexActors.Frames, DspexActors.Guest], do: :code.delete(module)\n1", True),
    ('for n <- 1..2_000_000, do: String.to_atom("a#{n}")', True),
    ('Code.compile_string("defmodule Enum do\\nend")\n1', True),
    ("for socket <- :socket.which_sockets(), do: :socket.close(socket)\n1", True),
]


@pytest.mark.parametrize(
    "code", [pytest.param(code, marks=pytest.mark.slow if slow else ()) for code, slow in BREAKS]
)
def test_a_guest_that_breaks_its_own_driver_hurts_itself_alone(runtime, code):
    spoilt = runtime.execute(code, language="elixir", limits=Limits(time_s=5.0))

    assert type(spoilt).__name__ in {"Completed", "Failed", "WorkerDied", "LimitExceeded"}
    assert runtime.execute("1 + 1", language="elixir").value == 2


def test_a_driver_that_a_guest_has_killed_ends_its_virtual_machine(runtime):
    result = runtime.execute(KILL, language="elixir")

    assert isinstance(result, WorkerDied), result
    assert result.exit_code == 70

"""Programs that use the network, in each language whose guests can reach what a policy lists.

Also a script: run as another user, it prints what came of them as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass

from dspex_actors import Completed, Limits, Policy, Runtime
from tests.integration._servers import PAGE, Listener, WebServer


@dataclass(frozen=True, kw_only=True)
class NetworkSnippets:
    """One language. `{url}`, `{host}`, `{port}`, `{count}` and `{size}` are filled in.

    Attributes:
        id: what tests call it.
        language: its name.
        fetch: gives the page of a URL as text, or fails.
        post: sends so many bytes to a URL and gives how many have come back.
        around: connects to a port by a socket of the kernel's, without the proxy; gives "connected".
        knock: opens a connection so many times, whatever comes of it, and gives 1.
        program: that it starts; empty for none.
    """

    id: str
    language: str
    fetch: str
    post: str
    around: str
    knock: str
    program: str = ""


_AROUND = """
  const socket = new (process.getBuiltinModule('tls').TLSSocket)(undefined, {{}});
  await new Promise((yes, no) => socket.on('error', no).on('connect', yes).connect({port}, {host!r}));
"""
_KNOCK = """
  const {{ connect }} = process.getBuiltinModule('net');
  for (let i = 0; i < {count}; i++) await new Promise((over) => {{
    const socket = connect({port}, {host!r}, () => socket.destroy());
    socket.on('error', () => {{}}).on('close', over);
  }});
"""
JAVASCRIPT = NetworkSnippets(
    id="javascript",
    language="javascript",
    fetch="await (await fetch({url!r})).text()",
    post="(await (await fetch({url!r}, {{ method: 'POST', body: 'x'.repeat({size}) }})).text()).length",
    around="{{" + _AROUND + "}}\n'connected'",
    knock="{{" + _KNOCK + "}}\n1",
)
TYPESCRIPT = NetworkSnippets(
    id="typescript",
    language="typescript",
    fetch="(await (await fetch({url!r}) as Response).text()) as string",
    post=JAVASCRIPT.post,
    around=JAVASCRIPT.around,
    knock=JAVASCRIPT.knock,
)
PYODIDE = NetworkSnippets(
    id="pyodide",
    language="pyodide",
    fetch="from pyodide.http import pyfetch\nawait (await pyfetch({url!r})).string()",
    post="from pyodide.http import pyfetch\n"
    "len(await (await pyfetch({url!r}, method='POST', body='x' * {size})).string())",
    around="from pyodide.code import run_js\n"
    'await run_js("""(async () => {{' + _AROUND + '}})()""")\n"connected"',
    knock='from pyodide.code import run_js\nawait run_js("""(async () => {{' + _KNOCK + '}})()""")\n1',
)
ELIXIR = NetworkSnippets(
    id="elixir",
    language="elixir",
    fetch="""
        options = [ssl: [cacertfile: System.get_env("SSL_CERT_FILE"), verify: :verify_peer]]
        case :httpc.request(:get, {{~c"{url}", []}}, options, []) do
          {{:ok, {{{{_, 200, _}}, _, page}}}} -> List.to_string(page)
          {{:ok, {{_, _, text}}}} -> raise List.to_string(text)
          {{:error, reason}} -> raise inspect(reason)
        end""",
    post="""
        sent = {{~c"{url}", [], ~c"text/plain", String.duplicate("x", {size})}}
        {{:ok, {{{{_, 200, _}}, _, page}}}} = :httpc.request(:post, sent, [], [])
        length(page)""",
    around="""
        {{:ok, _}} = :gen_tcp.connect(~c"{host}", {port}, [], 2000)
        "connected\"""",
    knock="""
        for _ <- 1..{count} do
          {{:ok, socket}} = :gen_tcp.connect({{127, 0, 0, 1}}, 3128, [:binary, active: false])
          :ok = :gen_tcp.send(socket, "CONNECT {host}:{port} HTTP/1.1\\r\\n\\r\\n")
          {{:ok, _}} = :gen_tcp.recv(socket, 0)
          :gen_tcp.close(socket)
        end
        1""",
)
_PROGRAM = """
import subprocess
done = subprocess.run({command}, capture_output=True, text=True, timeout=20)
if done.returncode:
    raise OSError(done.stdout + done.stderr)
"""
SHELL = NetworkSnippets(
    id="program of shell",
    program="/usr/bin/curl",
    language="python",
    fetch=_PROGRAM.format(command="['/usr/bin/curl', '-sS', '--fail-with-body', {url!r}]") + "done.stdout",
    post=_PROGRAM.format(command="['/usr/bin/curl', '-sSf', '-d', 'x' * {size}, {url!r}]")
    + "len(done.stdout)",
    around=_PROGRAM.format(
        command="['/usr/bin/curl', '-sS', '--noproxy', '*', '-m', '5', 'http://{host}:{port}/']"
    )
    + "'connected'",
    knock="import subprocess\n"
    "for _ in range({count}):\n"
    "    subprocess.run(['/usr/bin/curl', '-s', 'http://{host}:{port}/'], capture_output=True)\n1",
)
CHILD = NetworkSnippets(
    id="Python as a program",
    program="/usr/bin/python3",
    language="python",
    fetch=_PROGRAM.format(
        command="['/usr/bin/python3', '-c', '''import sys, urllib.request as u, urllib.error as e\n"
        "try: print(end=u.urlopen(sys.argv[1]).read().decode())\n"
        "except e.HTTPError as error: sys.exit(error.read().decode())''', {url!r}]"
    )
    + "done.stdout",
    post=_PROGRAM.format(
        command="['/usr/bin/python3', '-c', 'import sys, urllib.request as u; "
        'print(end=u.urlopen(sys.argv[1], b"x" * {size}).read().decode())\', {url!r}]'
    )
    + "len(done.stdout)",
    around=_PROGRAM.format(
        command="['/usr/bin/python3', '-c', 'import socket; "
        'socket.create_connection(("{host}", {port}), 5)\']'
    )
    + "'connected'",
    knock="import subprocess\n"
    "code = '''import socket\nfor _ in range({count}):\n"
    '    with socket.create_connection(("127.0.0.1", 3128)) as s:\n'
    "        s.sendall(b\"CONNECT {host}:{port} HTTP/1.1\\\\r\\\\n\\\\r\\\\n\"); s.recv(1)'''\n"
    "subprocess.run(['/usr/bin/python3', '-c', code], check=True)\n1",
)
ROWS = (JAVASCRIPT, TYPESCRIPT, PYODIDE, ELIXIR, SHELL, CHILD)


def outcomes(row: NetworkSnippets) -> dict[str, object]:
    """Run the programs of a row against servers of ours; return what came of each."""
    with WebServer() as web, Listener() as unlisted:
        policy = Policy(profile="shell", packages=(), network=(f"127.0.0.1:{web.port}",))
        with Runtime() as runtime:

            def run(code: str, **limits: int) -> object:
                result = runtime.execute(
                    code, language=row.language, policy=policy, limits=Limits(time_s=60, **limits)
                )
                return result.value if isinstance(result, Completed) else str(result)

            here = {"host": "127.0.0.1", "port": web.port}
            return {
                "listed": run(row.fetch.format(url=f"http://127.0.0.1:{web.port}/")) == PAGE.decode(),
                "unlisted": run(row.fetch.format(url=f"http://127.0.0.1:{unlisted.port}/")),
                "around": run(row.around.format(host="127.0.0.1", port=unlisted.port)),
                "too many": run(row.knock.format(count=3, **here), connections=2),
                "callers": unlisted.callers(),
            }


def main() -> None:
    """Print the outcomes of the rows that are named."""
    found = {row.id: outcomes(row) for row in ROWS if row.id in sys.argv[1:]}
    print(json.dumps({"uid": os.getuid(), "outcomes": found}))  # noqa: T201 -- for the test


if __name__ == "__main__":
    main()

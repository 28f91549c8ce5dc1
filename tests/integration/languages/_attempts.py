"""What a guest tries that has all of Node at hand, each as an expression in JavaScript.

It finds `process`, `get` for Node's own modules and `fail`. `{secret}`, `{port}` and `{node}` are filled in.
"""

from __future__ import annotations

ATTEMPTS = {
    "reading a file of the host": "get('fs').readFileSync({secret!r}, 'utf8')",
    "listing the root": "get('fs').readdirSync('/').includes('etc') ? 'etc' : fail()",
    "reading the environment": "process.env.SECRET_OF_THE_HOST ?? fail()",
    "starting a program": "get('child_process').execFileSync('/bin/sh', ['-c', 'echo']) ?? 1",
    "starting itself without permissions": "get('child_process')"
    ".spawnSync({node!r}, ['-e', 'require(\"fs\").readFileSync({secret!r})']).status === 0 ? 'read' : fail()",
    "binding by the old door": "process.binding('spawn_sync')"
    ".spawn({{ file: '/bin/sh', args: ['sh'], stdio: [] }}).error ? fail() : 'started'",
    "killing the worker's parent": "process.kill(1, 'SIGKILL')",
    "connecting": "await new Promise((yes, no) => get('net')"
    ".connect({port}, '127.0.0.1', () => yes('connected')).on('error', no))",
    "listening": "await new Promise((yes, no) => get('net').createServer()"
    ".on('error', no).listen(0, '127.0.0.1', () => yes('listening')))",
    "loading an addon": "process.dlopen({{ exports: {{}} }}, {secret!r}) ?? 'loaded'",
    "writing outside of the scratch folder": "get('fs').writeFileSync({secret!r}, 'x') ?? 'written'",
    "opening a debugger": "(get('inspector').open(0, '127.0.0.1'), get('inspector').url() ?? fail())",
}
FAIL = "const fail = () => { throw new Error('refused'); };\n"

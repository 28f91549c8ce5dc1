"""The row of WebAssembly in the contract of languages, in the text format."""

from __future__ import annotations

from tests.integration.languages._snippets_shape import PLAIN, Snippets

_WRITE = (
    """(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))"""
)
_RESULT = """(import "dspex" "result" (func $result (param i32 i32)))"""
_SAY = """ (func $say (param $stream i32) (param $start i32) (param $length i32)
  (i32.store (i32.const 0) (local.get $start))
  (i32.store (i32.const 4) (local.get $length))
  (if (call $fd_write (local.get $stream) (i32.const 0) (i32.const 1) (i32.const 8)) (then (unreachable))))
"""
_LENGTH = """ (func $length (param $start i32) (result i32) (local $at i32)
  (local.set $at (local.get $start))
  (loop $next (if (i32.load8_u (local.get $at))
   (then (local.set $at (i32.add (local.get $at) (i32.const 1))) (br $next))))
  (i32.sub (local.get $at) (local.get $start)))
"""

WASM = Snippets(
    language="wasm",
    two='(module (func (export "main") (result i32) (i32.const 2)))',
    echo=f"""(module {_RESULT}
 (import "dspex" "variable" (func $variable (param i32 i32) (result i32)))
 (import "dspex" "read" (func $read (param i32)))
 (memory (export "memory") 1)
 (data (i32.const 0) "x")
 (func (export "main") (local $length i32)
  (local.set $length (call $variable (i32.const 0) (i32.const 1)))
  (call $read (i32.const 16))
  (call $result (i32.const 16) (local.get $length))))""",
    values=(*PLAIN, 2**70, -(2**70), float("inf"), -0.0, 1.0),
    changed=(((1, 2), [1, 2]), ({1: "a"}, {"1": "a"})),
    total="""(module (func (export "main") (param i64 i64) (result i64)
 (i64.add (local.get 0) (local.get 1))))""",
    prints=f"""(module {_WRITE}
 (memory (export "memory") 1)
 (data (i32.const 100) "out\\n")
 (data (i32.const 200) "err\\n")
{_SAY}
 (func (export "_start")
  (call $say (i32.const 1) (i32.const 100) (i32.const 4))
  (call $say (i32.const 2) (i32.const 200) (i32.const 4))))""",
    broken=('(module\n (func (export "main") (i32.ad)))', "CompileError"),
    wrong=((2, 25),),
    raises=(
        """(module
 (import "dspex" "fail" (func $fail (param i32 i32 i32 i32 i32 i32)))
 (memory (export "memory") 1)
 (data (i32.const 0) "Trouble")
 (data (i32.const 16) "so it goes")
 (data (i32.const 32) "in guest, line 2")
 (func (export "main")
  (call $fail (i32.const 0) (i32.const 7) (i32.const 16) (i32.const 10) (i32.const 32) (i32.const 16))))""",
        "Trouble",
    ),
    loop='(module (func (export "main") (loop $again (br $again))))',
    hungry="""(module (memory (export "memory") 1)
 (func (export "main") (loop $again
  (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then (unreachable)))
  (memory.fill (i32.mul (i32.sub (memory.size) (i32.const 16)) (i32.const 65536))
   (i32.const 1) (i32.const 1048576))
  (br $again))))""",
    flood=f"""(module {_WRITE}
 (memory (export "memory") 1)
{_SAY}
 (func (export "main") (result i32) (local $line i32)
  (memory.fill (i32.const 100) (i32.const 120) (i32.const 99))
  (i32.store8 (i32.const 199) (i32.const 10))
  (loop $next
   (call $say (i32.const 1) (i32.const 100) (i32.const 100))
   (local.set $line (i32.add (local.get $line) (i32.const 1)))
   (br_if $next (i32.lt_u (local.get $line) (i32.const 2000))))
  (i32.const 1)))""",
    long_text=f"""(module {_RESULT}
 (memory (export "memory") 1)
 (func (export "main")
  (memory.fill (i32.const 1) (i32.const 120) (i32.const 5000))
  (i32.store8 (i32.const 0) (i32.const 34))
  (i32.store8 (i32.const 5001) (i32.const 34))
  (call $result (i32.const 0) (i32.const 5002))))""",
    connects="""(module
 (import "wasi_snapshot_preview1" "sock_open" (func $open (param i32 i32 i32 i32) (result i32)))
 (func (export "main") (result i32)
  (call $open (i32.const 1) (i32.const 1) (i32.const 0) (i32.const {port}))))""",
    reads=f"""(module {_RESULT}
 (import "wasi_snapshot_preview1" "path_open"
  (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
 (memory (export "memory") 1)
 (data (i32.const 64) "{{path}}")
{_LENGTH}
 (func (export "main")
  (if (call $open (i32.const 3) (i32.const 1)
    (i32.const 65) (i32.sub (call $length (i32.const 64)) (i32.const 1))
    (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 0))
   (then (unreachable)))))""",
    environment=f"""(module {_RESULT}
 (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
 (import "wasi_snapshot_preview1" "environ_get" (func $get (param i32 i32) (result i32)))
 (memory (export "memory") 1)
 (global $end (mut i32) (i32.const 32768))
 (func $put (param $byte i32)
  (i32.store8 (global.get $end) (local.get $byte))
  (global.set $end (i32.add (global.get $end) (i32.const 1))))
 (func (export "main") (local $entry i32) (local $at i32)
  (drop (call $sizes (i32.const 0) (i32.const 4)))
  (drop (call $get (i32.const 16) (i32.const 16384)))
  (call $put (i32.const 91))
  (loop $next (if (i32.lt_u (local.get $entry) (i32.load (i32.const 0))) (then
   (if (local.get $entry) (then (call $put (i32.const 44))))
   (call $put (i32.const 34))
   (local.set $at (i32.load (i32.add (i32.const 16) (i32.mul (local.get $entry) (i32.const 4)))))
   (loop $letter (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 61)) (then
    (call $put (i32.load8_u (local.get $at)))
    (local.set $at (i32.add (local.get $at) (i32.const 1)))
    (br $letter))))
   (call $put (i32.const 34))
   (local.set $entry (i32.add (local.get $entry) (i32.const 1)))
   (br $next))))
  (call $put (i32.const 93))
  (call $result (i32.const 32768) (i32.sub (global.get $end) (i32.const 32768)))))""",
    remember='(module (global (export "kept") (mut i32) (i32.const 41)))',
    recall="""(module (import "session" "kept" (global $kept (mut i32)))
 (func (export "main") (result i32) (i32.add (global.get $kept) (i32.const 1))))""",
)
"""The row."""

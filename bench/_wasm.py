"""WebAssembly and Rust beside wasmtime-py and rustc used directly, for `languages.py`.

wasmtime-py in the calling process has wasmtime's own sandbox and nothing else around it: no process, no limit
of time, no output to catch. Its `fresh` makes a store and an instance of a module that is compiled already.
"""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from _recovery import LIMIT_S, recovery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Cases = dict[str, Callable[[], object]]

WAT = """(module
 (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
 (func (export "loop") (loop $again (br $again))))"""
RUST = "let mut sum = 0u64;\nfor i in 0..n as u64 { sum = sum.wrapping_mul(31) ^ i }\nsum % 1000"


def expect(found: object, wanted: object) -> None:
    """Refuse a wrong answer: a bench of those is none.

    Raises:
        ValueError: it is one.
    """
    if found != wanted:
        message = f"expected {wanted!r}, got {found!r}"
        raise ValueError(message)


@contextmanager
def ours() -> Iterator[Cases]:
    """Use a runtime: a fresh sandbox for each execution, one for a session; what was compiled is kept."""
    from dspex_actors import LimitExceeded, Limits, Runtime, RuntimeConfig  # noqa: PLC0415 -- each competitor loads its own library only
    from dspex_actors.executors.languages import rust as row_of_rust  # noqa: PLC0415 -- as above

    config = RuntimeConfig(languages=(row_of_rust(native=True, name="rust_native"),))
    limits = Limits(time_s=LIMIT_S)
    serial = iter(range(10**9))

    def cold() -> None:
        with Runtime() as own:
            expect(own.execute(WAT, language="wasm", export="add", args=(2, 40)).value, 42)

    with Runtime(config) as runtime, runtime.session(language="wasm") as session:
        session.execute(WAT)

        def warm() -> None:
            expect(session.execute("", export="add", args=(2, 40)).value, 42)

        def fresh() -> None:
            expect(runtime.execute(WAT, language="wasm", export="add", args=(2, 40)).value, 42)

        def compiled() -> None:
            text = f"{WAT} ;; {next(serial)}"
            expect(runtime.execute(text, language="wasm", export="add", args=(2, 40)).value, 42)

        def loop() -> None:
            found = runtime.execute(WAT, language="wasm", export="loop", limits=limits)
            expect(type(found), LimitExceeded)

        def rust(language: str) -> None:
            expect(runtime.execute(RUST, language=language, variables={"n": 1000}).unwrap() >= 0, True)  # noqa: FBT003 -- an answer

        def rust_compiled(language: str) -> None:
            text = f"{RUST} // {next(serial)}"
            expect(runtime.execute(text, language=language, variables={"n": 1000}).unwrap() >= 0, True)  # noqa: FBT003 -- an answer

        yield {
            "wasm: cold": cold,
            "wasm: warm": warm,
            "wasm: fresh": fresh,
            "wasm: compiled": compiled,
            "wasm: timeout": recovery(loop, fresh),
            "rust: fresh": partial(rust, "rust"),
            "rust: compiled": partial(rust_compiled, "rust"),
            "rust native: fresh": partial(rust, "rust_native"),
            "rust native: compiled": partial(rust_compiled, "rust_native"),
        }


@contextmanager
def direct() -> Iterator[Cases]:
    """Use wasmtime-py in the calling process."""
    import wasmtime  # noqa: PLC0415 -- each competitor loads its own library only

    engine = wasmtime.Engine()
    module = wasmtime.Module(engine, WAT)
    kept = wasmtime.Store(engine)
    add = wasmtime.Instance(kept, module, []).exports(kept)["add"]
    serial = iter(range(10**9))

    def called(compiled: object) -> None:
        store = wasmtime.Store(engine)
        expect(wasmtime.Instance(store, compiled, []).exports(store)["add"](store, 2, 40), 42)

    yield {
        "wasm: warm": lambda: expect(add(kept, 2, 40), 42),
        "wasm: fresh": lambda: called(module),
        "wasm: compiled": lambda: called(wasmtime.Module(engine, f"{WAT} ;; {next(serial)}")),
    }


@contextmanager
def rustc() -> Iterator[Cases]:
    """Use rustc and wasmtime-py by hand: a file, the compiler, the module in the calling process."""
    import wasmtime  # noqa: PLC0415 -- each competitor loads its own library only

    from dspex_actors.executors.languages import RUST as ROW  # noqa: PLC0415 -- as above
    from dspex_actors.executors.languages import find_engine  # noqa: PLC0415 -- as above

    found = find_engine(ROW)
    linker = [f"-Clinker={found.options['linker']}"] if found.options["linker"] else []
    engine = wasmtime.Engine()
    text = f'fn main() {{ let n = 1000; let value = {{ {RUST} }}; println!("{{}}", value); }}'
    with tempfile.TemporaryDirectory() as folder:
        source, built = Path(folder, "guest.rs"), Path(folder, "guest.wasm")
        source.write_text(text)
        command = [found.path, "-O", "-Cstrip=symbols", "--edition=2021", *linker]
        command += [f"--target={found.options['target']}", "-o", str(built), str(source)]

        def run(module: object) -> None:
            linker = wasmtime.Linker(engine)
            linker.define_wasi()
            store, config = wasmtime.Store(engine), wasmtime.WasiConfig()
            printed: list[bytes] = []
            config.stdout_custom = lambda data: printed.append(bytes(data))
            store.set_wasi(config)
            linker.instantiate(store, module).exports(store)["_start"](store)
            expect(b"".join(printed).strip().isdigit(), True)  # noqa: FBT003 -- an answer

        def compiled() -> None:
            subprocess.run(command, check=True, capture_output=True)
            run(wasmtime.Module(engine, built.read_bytes()))

        compiled()
        module = wasmtime.Module(engine, built.read_bytes())
        yield {"rust: fresh": lambda: run(module), "rust: compiled": compiled}


@contextmanager
def native() -> Iterator[Cases]:
    """Use rustc by hand, with the linker that it takes, and the program that it makes as a plain process."""
    from dspex_actors.executors.languages import find_engine  # noqa: PLC0415 -- each competitor loads its own library only
    from dspex_actors.executors.languages import rust as row_of_rust  # noqa: PLC0415 -- as above

    found = find_engine(row_of_rust(native=True))
    given = "std::env::args().count() + 999"  # 1000, and the compiler cannot know
    text = f'fn main() {{ let n = {given}; let value = {{ {RUST} }}; println!("{{}}", value); }}'
    with tempfile.TemporaryDirectory() as folder:
        source, built = Path(folder, "guest.rs"), Path(folder, "guest")
        source.write_text(text)
        command = [found.path, "-O", "-Cstrip=symbols", "--edition=2021", "-o", str(built), str(source)]

        def run() -> None:
            printed = subprocess.run([built], check=True, capture_output=True).stdout
            expect(printed.strip().isdigit(), True)  # noqa: FBT003 -- an answer

        def compiled() -> None:
            subprocess.run(command, check=True, capture_output=True)
            run()

        compiled()
        yield {"rust native: fresh": run, "rust native: compiled": compiled}

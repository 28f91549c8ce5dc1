"""The rows of Rust in the contract of languages."""

from __future__ import annotations

from dataclasses import replace

from tests.integration.languages._snippets_shape import PLAIN, Snippets

RUST = Snippets(
    language="rust",
    two="1 + 1",
    echo="x",
    values=(*PLAIN, 2**70, -(2**70), 1.0, -0.0, float("inf"), 'a\n"b"\\\t'),
    changed=(((1, 2), [1, 2]), (b"ab", [97, 98]), (range(3), [0, 1, 2])),
    total="a + b",
    prints='println!("out");\neprintln!("err");',
    broken=("let x = 1;\nlet y = ;\n", "CompileError"),
    wrong=((2, 9),),
    warns=("let unused = 1;\nlet mut x = 2;\nx", (1, 2)),
    raises=('let x = 1;\npanic!("so it goes");\n', "Panic"),
    loop="loop {}",
    hungry="let mut kept = Vec::new();\nloop { kept.push(vec![1u8; 1 << 20]); }",
    flood='for _ in 0..2000 { println!("{}", "x".repeat(99)); }\n1',
    long_text='"x".repeat(5000)',
    connects='std::net::TcpStream::connect("127.0.0.1:{port}").unwrap();\n"connected"',
    reads='std::fs::read_to_string("{path}").unwrap()',
    environment="let mut all: Vec<_> = std::env::vars().map(|pair| pair.0).collect();\nall.sort();\nall",
    remember="let kept = 41;",
    recall="kept + 1",
)
"""The row."""

RUST_NATIVE = replace(RUST, language="rust_native")
"""The same programs, in the same words, as native code."""

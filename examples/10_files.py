"""Files: a guest reads what the policy lends it, works on a copy of a folder, and gives files back."""

from __future__ import annotations

import tempfile
from pathlib import Path

import dspex_actors as dspex
from dspex_actors import Policy

# expect: after a failure total.txt is still 7; not brought back: {'shortcut.log': 'it is a symbolic link'}

GOOD = """
total = sum(int(line) for line in open(f"{data}/sales.csv"))
open("report/total.txt", "w").write(str(total))
open("run.log", "w").write("2 lines")
"""
BAD = """
import os
open("report/total.txt", "w").write("half-way thr")
os.symlink("/etc/passwd", "shortcut.log")
raise RuntimeError("the disk of the model is full")
"""

with tempfile.TemporaryDirectory() as name:
    data, report = Path(name, "data"), Path(name, "report")
    for folder in (data, report):
        folder.mkdir()
    (data / "sales.csv").write_text("3\n4\n")

    policy = Policy(read_paths=(data,), write_paths={"report": report}, files=("*.log",))
    with dspex.Runtime(policy=policy) as rt:
        good = rt.execute(GOOD, variables={"data": str(data)})
        print("came back:", dict(good.files))
        print("written to the host:", good.write_back and good.write_back.written)

        bad = rt.execute(BAD)
        total = (report / "total.txt").read_text()
        print(f"after a failure total.txt is still {total}; not brought back: {bad.files.left_out}")

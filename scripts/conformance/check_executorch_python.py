"""The stock Python runtimes of ExecuTorch 1.4 and 1.5 against dlx: our programs in them, their text runner on our programs, and
`dlx inspect` on the files of their exporter. executorch_python/ has the parts."""

import pathlib
import subprocess
import sys
import tempfile
import time

from executorch_python import command, foreign_files, own_programs, stock, text_runner


def skipped(why):
    print(f"executorch_python: skipped, {why}")
    return 77


def check(versions, room):
    wrong = 0
    programs = list(own_programs.export_all(room))
    for version in versions:
        for part in (own_programs, text_runner, foreign_files):
            start = time.monotonic()
            try:
                wrong += part.check(version, room) if part is foreign_files else part.check(programs, version, room)
            except RuntimeError as e:
                print(f"  {e} WRONG")
                wrong += 1
            print(f"    {time.monotonic() - start:.0f} s")
    return wrong


def main():
    command.dlx = pathlib.Path(sys.argv[1]).resolve()
    if not command.can_run_programs():
        made = subprocess.run(["make", "-C", command.ROOT, "executorch"], capture_output=True, text=True)
        if made.returncode or not command.can_run_programs():
            return skipped("dlx cannot run programs itself, against which they are held (make executorch)")
    try:
        versions = [stock.Stock(name) for name in stock.ENVIRONMENTS]
    except OSError as e:
        return skipped(e)
    with tempfile.TemporaryDirectory() as name:
        wrong = check(versions, pathlib.Path(name))
    print("executorch_python:", f"{wrong} WRONG" if wrong else "both runtimes give our numbers and tokens, and their files are read")
    return 1 if wrong else 0


sys.exit(main())

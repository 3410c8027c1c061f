"""The stock Python runtimes of ExecuTorch 1.4 and 1.5 on our programs, their text runner, and dlx on their exporter's files."""

import pathlib
import sys
import tempfile
import time


from executorch_python import command, own_programs, stock, text_runner


def main():
    command.dlx = pathlib.Path(sys.argv[1]).resolve()
    versions = [stock.Stock(v) for v in ("1.5", "1.4")]
    with tempfile.TemporaryDirectory() as name:
        room = pathlib.Path(name)
        t = time.time()
        programs = list(own_programs.export_all(room))
        print(time.time() - t)
        for v in versions:
            own_programs.check(programs, v, room)
            print(time.time() - t)
            text_runner.check(programs, v, room)
            print(time.time() - t)

sys.exit(main())

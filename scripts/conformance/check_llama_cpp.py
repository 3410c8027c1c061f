"""llama.cpp against build/dlx: each reads what the other wrote, block bytes are equal, and a published file runs alike.

The table's figures are explained in docs/quantization.md, 'With llama.cpp'."""

import pathlib
import sys
import tempfile


def main():
    try:
        import llama_cpp  # noqa: F401
    except (ImportError, OSError, RuntimeError) as e:
        print(f"llama_cpp: llama-cpp-python is not there: {e}")
        return 77
    from llama_cpp_peer import models, ours, peer, table

    ours.dlx = sys.argv[1]
    peer.start()
    table.head()
    with tempfile.TemporaryDirectory() as folder:
        models.rows(pathlib.Path(folder))
    for sentence in table.failed:
        print(sentence)
    print("llama_cpp:", "all rows agree" if not table.failed else f"{len(table.failed)} failures")
    return 1 if table.failed else 0


sys.exit(main())

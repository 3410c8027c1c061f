"""llama.cpp against build/dlx: each reads what the other wrote, blocks are equal, and a published file runs alike.

docs/quantization.md, 'With llama.cpp', explains the table; llama_cpp_peer/ has the parts."""
# environment: llama-cpp

import pathlib
import sys
import tempfile


def main():
    try:
        from llama_cpp_peer import blocks, methods, models, ours, peer, published, table, vocabularies
    except (OSError, RuntimeError) as e:
        print(f"llama_cpp: llama.cpp does not start here: {e}")
        return 77
    ours.dlx = sys.argv[1]
    peer.start()
    file = published.fetch()
    table.head()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for part in (models, methods, blocks, vocabularies, *([published] if file else [])):
            try:
                part.rows(folder)
            except RuntimeError as e:  # of llama.cpp or dlx, outside a row
                table.failed.append(f"{part.__name__.split('.')[-1]}: {e}")
    for sentence in table.failed:
        print(sentence)
    if table.failed:
        print("llama_cpp: FAILED; the rows are named above")
        return 1
    if not file:
        print("llama_cpp: all rows agree, but the file of published.txt could not be fetched")
        return 77
    print("llama_cpp: all rows agree")
    return 0


sys.exit(main())

"""The parts of check_llama_cpp.py: `peer` speaks with llama.cpp, `ours` with build/dlx, `gguf_file` reads what both wrote;
`models`, `blocks`, `vocabularies` and `published` each fill rows of the table."""

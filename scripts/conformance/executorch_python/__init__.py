"""Programs between dlx and the stock Python runtimes of ExecuTorch: check_executorch_python.py."""

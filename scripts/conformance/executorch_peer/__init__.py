"""Parts of check_executorch.py."""

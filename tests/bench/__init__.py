"""Benches. Each module that declares `BENCHES` is one; `python -m tests.bench --list` shows them."""

"""Benchmarks of compute endpoints; see `python -m proving.bench --help` and docs/explanation/speed.md."""

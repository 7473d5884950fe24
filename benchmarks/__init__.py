"""Benchmarks: each prints its figure, its peer's figure on the same work in the same run, and their ratio. None is a test."""

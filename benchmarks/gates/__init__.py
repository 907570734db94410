"""The goals that a release has under load: `python -m benchmarks gates`."""

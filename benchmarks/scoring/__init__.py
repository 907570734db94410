"""The goals of scoring, measured on real data: `python -m benchmarks.scoring`."""

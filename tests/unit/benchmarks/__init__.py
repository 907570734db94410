"""Of the benchmarks, what can be wrong without a figure being wrong."""

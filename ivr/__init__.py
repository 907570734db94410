"""The caller's story: recognised, decided, spoken, queued."""

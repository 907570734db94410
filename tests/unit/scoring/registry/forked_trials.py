"""`python -m tests.unit.scoring.registry.forked_trials MANY`: models with one byte changed, each
tried in a fork of this process, which has the libraries in memory already. Prints the counts."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections import Counter

import numpy as np

from scoring.registry import trial
from scoring.registry.refusals import ModelRefused
from scoring.serving.served_model import ServedModel

NAMES = tuple(f"column_{place}" for place in range(6))
LIMIT_S = 3


def outcome_of(raw: bytes) -> int:
    """In the fork. 0: the trial was passed, and what it wrote can be served; 1: refused."""
    signal.alarm(LIMIT_S)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (trial.MEMORY_BYTES, trial.MEMORY_BYTES))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        good = trial._tried(raw, NAMES, "binary:logistic")
    except ModelRefused:
        return 1
    model = ServedModel.of(good, columns=NAMES, objective="binary:logistic")
    rows = np.random.default_rng(1).normal(size=(50, 6)).astype(np.float32)
    return 0 if np.isfinite(model.answers(rows)).all() else 3


def main() -> int:
    whole = sys.stdin.buffer.read()
    random = np.random.default_rng(500)
    found: Counter[str] = Counter()
    for _ in range(int(sys.argv[1])):
        changed = bytearray(whole)
        changed[random.integers(len(whole))] ^= int(random.integers(1, 256))
        child = os.fork()
        if child == 0:
            try:
                os._exit(outcome_of(bytes(changed)))
            except BaseException:  # noqa: BLE001
                os._exit(4)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            found["killed"] += 1
        else:
            code = os.WEXITSTATUS(status)
            found[{0: "served", 1: "refused", 3: "no number"}.get(code, "raised")] += 1
    sys.stdout.write(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())

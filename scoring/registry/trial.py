"""`python -m scoring.registry.trial OBJECTIVE`: a model from standard input, tried in a process of
its own, so that what kills a program kills this one.

Before the model stands a line of JSON: its columns. After a good trial the model is written to
standard output, as xgboost would write it: the caller need not read the file as it came. Else the
reason stands in the last line of standard error, and the exit code is 1.
"""

from __future__ import annotations

import json
import os
import resource
import sys

#: A good model takes a tenth of this.
MEMORY_BYTES = 4 * 2**30
CPU_S = 20
TRIED_ROWS = 64
#: Of a margin: both add up to 150 trees in numbers of seven digits, in another order.
CLOSE = 1e-5


def main() -> int:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    # Whatever a library prints must not come between.
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    columns, _, raw = sys.stdin.buffer.read().partition(b"\n")
    # Only now: under the limits.
    from scoring.registry.refusals import ModelRefused  # noqa: PLC0415

    try:
        good = _tried(raw, tuple(json.loads(columns)), sys.argv[1])
    except ModelRefused as error:
        sys.stderr.write(f"\n{error}\n")
        return 1
    with answer:
        answer.write(good)
    return 0


def _tried(raw: bytes, columns: tuple[str, ...], objective: str) -> bytes:
    import numpy as np  # noqa: PLC0415
    import xgboost  # noqa: PLC0415

    from scoring.registry.refusals import ModelRefused  # noqa: PLC0415
    from scoring.registry.structure import check_structure  # noqa: PLC0415
    from scoring.serving.served_model import ServedModel  # noqa: PLC0415

    try:
        booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(raw))
        read = json.loads(bytes(booster.save_raw(raw_format="json")))
    except (xgboost.core.XGBoostError, ValueError, TypeError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelRefused(f"the model cannot be read: {first[:200]}") from error
    check_structure(read, columns=len(columns), objective=objective)
    model = ServedModel.of(raw, columns=columns, objective=objective)
    random = np.random.default_rng(7)
    rows = (random.normal(size=(TRIED_ROWS, len(columns))) * 100).astype(np.float32)
    rows[random.random(rows.shape) < 0.2] = np.nan
    rows[0], rows[1], rows[2] = np.nan, 0.0, 1e9
    margin = random.normal(size=len(rows))
    booster.set_param({"nthread": 1})
    for given in (None, margin):
        found = model.margins(rows, given)
        wanted = booster.inplace_predict(rows, base_margin=given, predict_type="margin")
        if not np.isfinite(found).all():
            raise ModelRefused("the model answers with what is no number")
        if np.abs(found - wanted).max() > CLOSE * max(1.0, float(np.abs(wanted).max())):
            raise ModelRefused("our reading of the model and xgboost do not agree on what it says")
    told = model.contributions(rows[3], float(margin[3])).sum()
    if not abs(told - model.margins(rows[3:4], margin[3:4])[0]) < 1e-3 * max(1.0, abs(told)):
        raise ModelRefused("the reasons of the model do not add up to what it says")
    return bytes(booster.save_raw(raw_format="ubj"))


if __name__ == "__main__":
    sys.exit(main())

"""Every goal of scoring, measured: `python -m benchmarks.scoring [--data FOLDER] [--only bank]`.

Needs the extras `[train,cluster]` and the data sets (a folder by --data or SWITCHBOARD_DATA, else
`../shared/data`); writes results.json and RESULTS.md beside this file. One thread each.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.scoring import bank, features, groceries, latency, results, scale, shops
from benchmarks.scoring.goals import Row, table

HERE = Path(__file__).parent
#: In the order of the goals.
PARTS: dict[str, Callable[[Path], list[Row]]] = {
    "bank": bank.outcomes,
    "cdnow-sample": shops.cdnow_sample,
    "cdnow": shops.cdnow,
    "online-retail": shops.online_retail,
    "complete-journey": groceries.groceries,
    "bank-calls": bank.calls,
    "latency": latency.latency,
    "batch": latency.batch,
    "features": features.features,
    "scale": scale.scale,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--only", choices=[*PARTS], action="append")
    options = parser.parse_args()
    named = options.data or os.environ.get("SWITCHBOARD_DATA")
    data = Path(named) if named else HERE.parents[1].parent / "shared" / "data"
    if not data.is_dir():
        print(f"SKIPPED: {data} is absent; name the folder by --data or SWITCHBOARD_DATA")
        return 0
    for name in options.only or PARTS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        began = time.perf_counter()
        rows = PARTS[name](data)
        results.keep(name, rows, seconds=time.perf_counter() - began)
        print(table(rows), flush=True)
        results.write_table([*PARTS])
    return 0


if __name__ == "__main__":
    sys.exit(main())

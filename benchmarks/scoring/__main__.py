"""Every goal of scoring, measured: `python -m benchmarks.scoring [--data FOLDER] [--only bank]`.

Needs the extras `[train,cluster]` and public data sets (a folder by --data or SWITCHBOARD_DATA,
else `../shared/data`); without them it says which, where they are from, and ends with 2. Parts that
need none run without: `--only latency --only served-path`. Writes results.json and RESULTS.md
beside this file. One thread each.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.scoring import (
    bank,
    data_sets,
    features,
    groceries,
    latency,
    results,
    scale,
    served_path,
    shops,
)
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
    "served-path": served_path.served_path,
    "batch": latency.batch,
    "features": features.features,
    "scale": scale.scale,
}


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--only", choices=[*PARTS], action="append")
    options = parser.parse_args(words)
    parts = options.only or [*PARTS]
    named = options.data or os.environ.get("SWITCHBOARD_DATA")
    data = Path(named) if named else HERE.parents[1].parent / "shared" / "data"
    if absent := data_sets.missing(data, parts):
        without = ", ".join(name for name in PARTS if name not in data_sets.NEEDED)
        print(f"nothing was measured: {data} lacks", file=sys.stderr)
        print(*data_sets.where_to_get(absent), sep="\n", file=sys.stderr)
        print(
            "Put them there, or name their folder by --data or SWITCHBOARD_DATA. "
            f"--only measures one part; these need no data: {without}",
            file=sys.stderr,
        )
        return 2
    for name in parts:
        print(f"{name} ...", file=sys.stderr, flush=True)
        began = time.perf_counter()
        rows = PARTS[name](data)
        results.keep(name, rows, seconds=time.perf_counter() - began)
        print(table(rows), flush=True)
        results.write_table([*PARTS])
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What each part of the benchmark reached when it last ran (results.json), and RESULTS.md of it.

A part can be measured anew by itself; the rows of the others stay those of their own day.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.scoring.goals import Row, table

_HERE = Path(__file__).parent
_RESULTS, _TABLE = _HERE / "results.json", _HERE / "RESULTS.md"

_HEAD = """# Scoring: goals and what was reached

Made by `python -m benchmarks.scoring` ({machine}, xgboost {xgboost}, polars {polars}, one thread);
when each part was measured is told below the table, and `--only PART` measures one anew. Every
figure is of rows after the last that was learned from. How far trees are trusted is chosen on
earlier rows by the code; but the make of some models (the memories and the regressions of G1,
columns and weeks of G6, G11, G12) was settled after figures of these same tested rows had been
seen, as TRIED.md lists: of unseen data expect a little less. Intervals are 95 of 100 of a bootstrap
by contact, differences are paired; those of G13 are of a bootstrap of the turns, those of G14 where
nine tenths of the runs lie, and what ran once has none. `measured before` was taken with other
code, before this one was written; where the protocol was not the same, that is said. What was
tried and did not help: [TRIED.md](TRIED.md).

"""


def keep(part: str, rows: Sequence[Row], *, seconds: float) -> None:
    """At once, so that a run that is cut off leaves what it had."""
    held = _held()
    held[part] = {
        "date": datetime.now(UTC).date().isoformat(),
        "load": round(os.getloadavg()[1], 1),
        "seconds": round(seconds),
        "rows": [asdict(row) for row in rows],
    }
    _RESULTS.write_text(json.dumps(held, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_table(parts: Sequence[str]) -> None:
    """Of all that were ever measured, in this order."""
    held = _held()
    measured = {name: held[name] for name in parts if name in held}
    rows = [Row(**row) for part in measured.values() for row in part["rows"]]
    missed = sorted({row.goal for row in rows if row.met is False}, key=_number)
    head = _HEAD.format(
        machine=platform.machine(), xgboost=version("xgboost-cpu"), polars=version("polars")
    )
    foot = f"\n\nMissed in part or whole: {', '.join(missed) or 'none'}.\n\n"
    lacking = [name for name in parts if name not in held]
    if lacking:
        foot += f"Never measured: {', '.join(lacking)}.\n\n"
    _TABLE.write_text(head + table(rows) + foot + _days(measured), encoding="utf-8")


def _held() -> dict[str, Any]:
    return dict(json.loads(_RESULTS.read_text(encoding="utf-8"))) if _RESULTS.exists() else {}


def _days(measured: Mapping[str, Any]) -> str:
    lines = [
        "| part | measured on | took, s | load of the machine (5 minutes) |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {part['date']} | {_noted(part['seconds'])} | {_noted(part['load'])} |"
        for name, part in measured.items()
    ]
    return "\n".join(lines) + "\n"


def _noted(value: float | None) -> str:
    return "not noted" if value is None else f"{value:g}"


def _number(goal: str) -> int:
    return int(goal.removeprefix("G")) if goal.startswith("G") else 0

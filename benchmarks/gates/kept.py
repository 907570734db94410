"""What gates saw when they were measured last, by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.row import Result

KEPT = Path(__file__).with_name("results.json")


def kept(path: Path = KEPT) -> dict[str, Result]:
    if not path.exists():
        return {}
    found: dict[str, Result] = json.loads(path.read_text(encoding="utf-8"))
    return found


def keep(key: str, result: Result, path: Path = KEPT) -> None:
    results = dict(sorted((kept(path) | {key: result}).items()))
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def is_whole(result: Mapping[str, object] | None) -> bool:
    """Measured today, and not broken off."""
    return result is not None and result["date"] == today() and not result["broken_off"]


def today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"

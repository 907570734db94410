"""Puts the table of CRMs into README.md, from what the conformance kit showed.

    python -m benchmarks.crm_table [--check]

`--check` changes nothing and exits 1 where the table is not what docs/crm/kit.json says.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.readme import README, ROOT, replaced

KIT = ROOT / "docs" / "crm" / "kit.json"
NAME = "crms"


def crm_table(shown: Mapping[str, Mapping[str, Any]]) -> str:
    """`shown` as `tests.crm_worlds.results` writes it."""
    rows = [
        f"| `{name}` | {one['version']} | {one['proven_by']} | {one['tests']} | {_gaps(one)} |"
        for name, one in shown.items()
    ]
    heading = ("| adapter | version | proven by | tests | gaps |", "|---|---|---|---|---|")
    return "\n".join((*heading, *rows))


def _gaps(one: Mapping[str, Any]) -> str:
    """Each as the sentence that the world gives for it."""
    return "; ".join(dict.fromkeys(one["gaps"].values())) or "–"


def with_table(text: str, kit: Path = KIT) -> str:
    return replaced(text, NAME, crm_table(json.loads(kit.read_text(encoding="utf-8"))))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--check", action="store_true")
    text = README.read_text(encoding="utf-8")
    current = with_table(text)
    if parser.parse_args().check:
        return 0 if text == current else 1
    README.write_text(current, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

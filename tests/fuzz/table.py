"""What `make fuzz` found, as the table of docs/security.md.

python -m tests.fuzz.table
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.fuzz.targets import NAMES

RESULTS = Path(__file__).with_name("results.json")
PAGE = Path(__file__).parents[2] / "docs" / "security.md"
BEGIN = "<!-- fuzz: written by python -m tests.fuzz.table -->\n"
END = "<!-- /fuzz -->"
#: What each target gives bytes to, and what it holds it to.
_WHAT = {
    "ami_framer": ("AMI's stream into messages", "the same ones however it is sliced"),
    "ami_message": (
        "an AMI message, events, seams",
        "as a plain reader reads it; shown values clean",
    ),
    "ami_encoder": ("an AMI action", "refused, or one action that reads back"),
    "agi_header": ("FastAGI's first block", "refused, or clean texts, no key twice"),
    "agi_reply": ("AGI replies", "the same ones however sliced; HANGUP is none"),
    "agi_command": ("an AGI command", "one line that Asterisk's splitting gives back"),
    "phone_number": ("a caller's number", "E.164 that stays itself wherever it is read"),
    "rule_loader": ("a rulebook's file", "a rulebook, or errors with their line"),
    "template": ("a spoken text", "refused, or one line that tells nothing else"),
    "desk_frame": ("a desktop's frame", "refused, or the same when read again"),
    "crm_answer": ("a CRM's answer by a mapping", "our types, storable, or a refusal"),
    "webhook": ("a signed webhook", "believed exactly where the signature is right"),
}


def table(results: dict[str, dict[str, Any]]) -> str:
    rows = ["| input | promise | inputs | a second | slowest | memory |",
            "|---|---|---:|---:|---:|---:|"]  # fmt: skip
    for name in NAMES:
        if (one := results.get(name)) is not None:
            what, promise = _WHAT[name]
            rows.append(
                f"| {what} (`{name}`) | {promise} | {one['inputs']:,} | {one['per_second']:,} "
                f"| {one['slowest_ms']:.1f} ms | +{one['growth_mb']:.1f} MB |"
            )
    return "\n".join(rows) + "\n"


def written(page: str, results: dict[str, dict[str, Any]]) -> str:
    before, _begin, rest = page.partition(BEGIN)
    return before + BEGIN + table(results) + END + rest.partition(END)[2]


def main() -> int:
    results = json.loads(RESULTS.read_text())
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

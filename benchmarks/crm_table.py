"""Puts what the conformance kit showed into README.md (the table) and into each CRM's page (its
known gaps).

    python -m benchmarks.crm_table [--check]

`--check` changes nothing and exits 1 where they are not what docs/crm/kit.json says.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from benchmarks.readme import README, ROOT, replaced
from config.settings import CrmSettings

PAGES = ROOT / "docs" / "crm"
KIT = PAGES / "kit.json"
TABLE, GAPS = "crms", "gaps"
#: Parameters of one test that are named; of more the number is told.
_MOST_CASES = 3

Shown = Mapping[str, Any]
"""Of one CRM, as `tests.crm_worlds.results` writes it."""


def adapters() -> tuple[str, ...]:
    """All that `crm.adapter` may name."""
    return get_args(CrmSettings.model_fields["adapter"].annotation)


def worlds_of(adapter: str, shown: Mapping[str, Shown]) -> dict[str, Shown]:
    return {name: one for name, one in shown.items() if name.partition("-")[0] == adapter}


def crm_table(shown: Mapping[str, Shown]) -> str:
    rows = [
        f"| `{name}` | {one['version']} | {one['proven_by']} | {one['passed']} "
        f"| {len(one['not_claimed'])} | {_reasons(one)} |"
        for name, one in shown.items()
    ]
    heading = (
        "| adapter | version | proven by | passed | not claimed | gaps |",
        "|---|---|---|---|---|---|",
    )
    return "\n".join((*heading, *rows))


def _reasons(one: Shown) -> str:
    """Each as the sentence that the world gives for it."""
    return "; ".join(dict.fromkeys(one["gaps"].values())) or "–"


def gaps_of(adapter: str, shown: Mapping[str, Shown]) -> str:
    """What the kit asks and this adapter does not do, world by world; worlds alike are one."""
    alike: dict[str, list[str]] = {}
    for name, one in worlds_of(adapter, shown).items():
        alike.setdefault(_told(one), []).append(f"`{name}`")
    return "\n\n".join(f"{', '.join(names)}:\n\n{told}" for told, names in alike.items())


def _told(one: Shown) -> str:
    by_reason: dict[str, list[str]] = {}
    for test, reason in one["gaps"].items():
        by_reason.setdefault(reason, []).append(test)
    lines = [f"- {reason}. Fails: {_tests(tests)}" for reason, tests in by_reason.items()]
    if not lines:
        lines.append("- None: all that the kit asks and the CRM claims is done.")
    if one["not_claimed"]:
        lines.append(f"- Not claimed: {_tests(one['not_claimed'])}")
    return "\n".join(lines)


def _tests(tests: list[str]) -> str:
    """Their names are sentences of what should be."""
    cases: dict[str, list[str]] = {}
    for test in tests:
        name, _, case = test.removeprefix("test_").partition("[")
        cases.setdefault(name.replace("_", " "), []).append(case.removesuffix("]"))
    return "; ".join(f"*{name}*{_of(of)}" for name, of in cases.items())


def _of(cases: list[str]) -> str:
    if cases == [""]:
        return ""
    told = ", ".join(f"`{case}`" for case in cases)
    return f" ({told if len(cases) <= _MOST_CASES else f'{len(cases)} cases'})"


def kit(path: Path = KIT) -> Shown:
    told: Shown = json.loads(path.read_text(encoding="utf-8"))
    return told


def with_table(text: str, shown: Mapping[str, Shown]) -> str:
    return replaced(text, TABLE, crm_table(shown))


def current() -> dict[Path, str]:
    """What README.md and every adapter's page should be."""
    shown = kit()["worlds"]
    pages = {PAGES / f"{name}.md": gaps_of(name, shown) for name in adapters()}
    texts = {
        page: replaced(page.read_text(encoding="utf-8"), GAPS, gaps) for page, gaps in pages.items()
    }
    return {README: with_table(README.read_text(encoding="utf-8"), shown), **texts}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--check", action="store_true")
    is_check = parser.parse_args().check
    stale = {
        page: text for page, text in current().items() if text != page.read_text(encoding="utf-8")
    }
    if not is_check:
        for page, text in stale.items():
            page.write_text(text, encoding="utf-8")
    return 1 if is_check and stale else 0


if __name__ == "__main__":
    sys.exit(main())

"""What the conformance kit showed in one run, for the README's table: `pytest --crm-table FILE`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.crm_worlds.world import WorldKind


@dataclass
class Shown:
    """`gaps` are the tests that the kind says it fails, and failed. `version` is the CRM's, as it
    says itself."""

    proven_by: str
    version: str = ""
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    gaps: dict[str, str] = field(default_factory=dict)


class Results:
    """Collects; `write` refuses to make a table of a run in which something failed. Worlds that the
    run left out stay as the file has them."""

    def __init__(self) -> None:
        self._shown: dict[str, Shown] = {}

    def of(self, kind: WorldKind) -> Shown:
        return self._shown.setdefault(kind.name, Shown(kind.proven_by))

    def add(self, kind: WorldKind, test: str, outcome: str, gap: str | None) -> None:
        """`outcome` is pytest's word; `gap` the reason of a declared gap."""
        shown = self.of(kind)
        if gap is not None and outcome == "skipped":  # an expected failure that did fail
            shown.gaps[test] = gap
        elif outcome == "passed":
            shown.passed += 1
        else:
            shown.failed.append(test)

    def write(self, path: Path) -> None:
        failed = [test for shown in self._shown.values() for test in shown.failed]
        if failed:
            raise RuntimeError(f"{path} is left as it is: {len(failed)} tests of the kit failed")
        known = json.loads(path.read_text()) if path.exists() else {}
        shown = dict(sorted({**known, **as_json(self._shown)}.items()))
        path.write_text(json.dumps(shown, indent=2, ensure_ascii=False) + "\n")


def as_json(shown: Mapping[str, Shown]) -> dict[str, object]:
    return {
        name: {
            "version": one.version,
            "proven_by": one.proven_by,
            "tests": one.passed,
            "gaps": dict(sorted(one.gaps.items())),
        }
        for name, one in sorted(shown.items())
    }

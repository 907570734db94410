"""What the conformance kit showed in one run, for docs/crm/kit.json: `pytest --crm-table FILE`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.crm_worlds.world import WorldKind


@dataclass
class Shown:
    """Tests by name, `name[id]` where they have parameters. `gaps` are those that the kind says it
    fails, and failed; `not_claimed` those that showed no more than that the CRM does not claim what
    they ask for. `version` is the CRM's, as it says itself."""

    proven_by: str
    version: str = ""
    passed: list[str] = field(default_factory=list)
    not_claimed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    gaps: dict[str, str] = field(default_factory=dict)

    def every(self) -> list[str]:
        return [*self.passed, *self.not_claimed, *self.failed, *self.gaps]


class Results:
    """Collects; `write` refuses to make a table of a run in which something failed. Worlds that the
    run left out stay as the file has them."""

    def __init__(self) -> None:
        self._shown: dict[str, Shown] = {}

    @property
    def any(self) -> bool:
        return bool(self._shown)

    def of(self, kind: WorldKind) -> Shown:
        return self._shown.setdefault(kind.name, Shown(kind.proven_by))

    def add(
        self,
        kind: WorldKind,
        test: str,
        outcome: str,
        gap: str | None = None,
        *,
        is_unclaimed: bool = False,
    ) -> None:
        """`outcome` is pytest's word; `gap` the reason of a declared gap."""
        shown = self.of(kind)
        if gap is not None and outcome == "skipped":  # an expected failure that did fail
            shown.gaps[test] = gap
        elif outcome != "passed":
            shown.failed.append(test)
        elif is_unclaimed:
            shown.not_claimed.append(test)
        else:
            shown.passed.append(test)

    def write(self, path: Path) -> None:
        failed = [test for shown in self._shown.values() for test in shown.failed]
        if failed:
            raise RuntimeError(f"{path} is left as it is: {len(failed)} tests of the kit failed")
        known = json.loads(path.read_text()) if path.exists() else {"tests": {}, "worlds": {}}
        is_whole = set(known["worlds"]) <= set(self._shown)
        # A test that is gone is forgotten by a run of every world.
        before = {} if is_whole else known["tests"]
        told = {
            "tests": dict(sorted({**before, **self._tests()}.items())),
            "worlds": dict(sorted({**known["worlds"], **as_json(self._shown)}.items())),
        }
        path.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")

    def _tests(self) -> dict[str, int]:
        """How often each is run on a CRM: once for each of its parameters."""
        most: Counter[str] = Counter()
        for shown in self._shown.values():
            most |= Counter(function_of(test) for test in shown.every())
        return dict(most)


def function_of(test: str) -> str:
    return test.partition("[")[0]


def as_json(shown: Mapping[str, Shown]) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "version": one.version,
            "proven_by": one.proven_by,
            "passed": len(one.passed),
            "not_claimed": sorted(one.not_claimed),
            "gaps": dict(sorted(one.gaps.items())),
        }
        for name, one in sorted(shown.items())
    }

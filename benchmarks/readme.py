"""Puts settings from their models into docs/settings.md, goals under load with what was measured
into docs/operations.md, figures from RESULTS.md and promises with what was measured of them into
README.md.

    python -m benchmarks.readme [--check]

`--check` changes nothing and exits 1 where the settings are not what the models say, or
promises and goals not what was measured last.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from benchmarks import promises
from benchmarks.gates import table
from benchmarks.gates.kept import kept
from config.settings import Settings

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
SETTINGS = ROOT / "docs" / "settings.md"
OPERATIONS = promises.OPERATIONS
RESULTS = ROOT / "benchmarks" / "RESULTS.md"


def settings_table() -> str:
    rows = [f"| `{key}` | {default} | {meaning} |" for key, default, meaning in _settings()]
    return "\n".join(("| key | default | meaning |", "|---|---|---|", *rows))


def _settings() -> Iterator[tuple[str, str, str]]:
    for section, model in Settings.model_fields.items():
        if not (isinstance(model.annotation, type) and issubclass(model.annotation, BaseModel)):
            raise TypeError(f"settings.{section} is no section")
        for key, field in model.annotation.model_fields.items():
            if not field.description:
                raise ValueError(f"config/settings.py does not say what {section}.{key} means")
            yield f"{section}.{key}", _shown(field), " ".join(field.description.split())


def _shown(field: FieldInfo) -> str:
    default = field.default
    if default is None or default == () or isinstance(default, SecretStr):
        return "–"
    if isinstance(default, bool):
        return "`true`" if default else "`false`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def figures_table(results: str) -> str:
    """The table of RESULTS.md and the line on the machine above it, less the commands."""
    table = [line for line in results.splitlines() if line.startswith("|")]
    machine = next((line for line in results.splitlines() if line.startswith("Measured ")), "")
    shorter = ["|".join(line.split("|")[:5]) + "|" for line in table]
    return "\n".join([machine, "", *shorter, "", "[How](benchmarks/RESULTS.md)."])


def replaced(text: str, name: str, table: str) -> str:
    """`text` with `table` between the markers `<!-- name: ... -->` and `<!-- /name -->`."""
    pattern = re.compile(rf"(<!-- {name}: [^\n]* -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"there are no markers <!-- {name}: ... --> in {text[:60]!r}...")
    return pattern.sub(lambda found: f"{found[1]}{table}\n{found[2]}", text)


@dataclass(frozen=True, slots=True)
class Pages:
    """Where the tables are. `results` may be missing."""

    readme: Path = README
    settings: Path = SETTINGS
    operations: Path = OPERATIONS
    results: Path = RESULTS

    def renewed(self) -> dict[Path, str]:
        """What belongs into each page whose sources are all at hand at any time."""
        told = self.operations.read_text(encoding="utf-8")
        first = _with_promises(self.readme.read_text(encoding="utf-8"))
        kept_settings = self.settings.read_text(encoding="utf-8")
        sources, seen = promises.Sources.read(), kept()
        return {
            self.readme: replaced(first, "gates", table.summary(sources, seen)),
            self.settings: replaced(kept_settings, "settings", settings_table()),
            self.operations: replaced(told, "gates", table.page(sources, seen)),
        }

    def update(self) -> None:
        for path, text in self.renewed().items():
            path.write_text(text, encoding="utf-8")
        if self.results.exists():
            figures = figures_table(self.results.read_text(encoding="utf-8"))
            text = replaced(self.readme.read_text(encoding="utf-8"), "figures", figures)
            self.readme.write_text(text, encoding="utf-8")

    def are_current(self) -> bool:
        return all(
            path.read_text(encoding="utf-8") == text for path, text in self.renewed().items()
        )


def update() -> None:
    Pages().update()


def _with_promises(text: str) -> str:
    return replaced(text, "promises", promises.table(promises.Sources.read()))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--check", action="store_true")
    if not parser.parse_args().check:
        update()
        return 0
    if Pages().are_current():
        return 0
    print("docs/settings.md, operations.md or README.md is stale; run python -m benchmarks.readme")
    return 1


if __name__ == "__main__":
    sys.exit(main())

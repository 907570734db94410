"""What docs/settings.md says of the settings is what the models say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import readme

pytestmark = pytest.mark.architecture

ROOT = Path(__file__).parents[2]


def test_the_settings_table_is_current() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.readme", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_a_stale_table_is_found_and_mended(tmp_path: Path) -> None:
    page, no_results = tmp_path / "settings.md", tmp_path / "RESULTS.md"
    fresh = readme.SETTINGS.read_text(encoding="utf-8")
    page.write_text(fresh.replace("| `agi.port` | `4573` |", "| `agi.port` | `1` |"), "utf-8")
    assert not readme.is_current(page)
    readme.update(readme.README, page, no_results)
    assert readme.is_current(page)
    assert page.read_text("utf-8") == fresh


def test_figures_come_from_the_results(tmp_path: Path) -> None:
    page, settings, results = (tmp_path / name for name in ("README.md", "s.md", "RESULTS.md"))
    page.write_text(readme.README.read_text("utf-8"), "utf-8")
    settings.write_text(readme.SETTINGS.read_text("utf-8"), "utf-8")
    results.write_text(
        "Measured today.\n\n| what | figure | beside | aim | command |\n|---|---|---|---|---|\n"
        "| hops | 3 | frogs: 4 | none | `jump` |\n",
        "utf-8",
    )
    readme.update(page, settings, results)
    assert "Measured today.\n\n| what | figure | beside | aim |\n" in page.read_text("utf-8")
    assert "| hops | 3 | frogs: 4 | none |\n" in page.read_text("utf-8")
    assert "jump" not in page.read_text("utf-8")


def test_secrets_and_nothing_are_shown_as_nothing() -> None:
    table = readme.settings_table()
    assert "| `ami.secret` | – |" in table
    assert "| `redis.url` | – |" in table
    assert "| `crm.lookup_deadline_s` | `0.3` |" in table
    assert "| `rulebook.watch` | `true` |" in table

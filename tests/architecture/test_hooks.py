"""The hooks of .pre-commit-config.yaml run what `make check` installs."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / ".pre-commit-config.yaml"


def entries() -> dict[str, list[str]]:
    """The command of each hook."""
    read = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    return {
        hook["id"]: shlex.split(hook["entry"]) for repo in read["repos"] for hook in repo["hooks"]
    }


def test_there_are_the_four_checks() -> None:
    assert set(entries()) == {"ruff-check", "ruff-format", "mypy", "imports"}


@pytest.mark.parametrize("hook", entries())
def test_its_program_is_in_the_environment(hook: str) -> None:
    folder, _, name = entries()[hook][0].rpartition("/")
    # Where CONTRIBUTING.md has git find it, and where these tests' own Python lies.
    assert folder == ".venv/bin"
    assert os.access(Path(sys.executable).parent / name, os.X_OK), f"{name} is not installed"


def test_contributing_says_how_to_switch_them_on() -> None:
    assert "pre-commit install" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

"""The shape of the house: directions, sizes, packaging, and what must not be written down."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture import sizes

pytestmark = pytest.mark.architecture

ROOT = Path(__file__).parents[2]


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def test_imports_go_one_way() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_file_or_function_is_past_one_sitting() -> None:
    files, functions = sizes.measured()
    assert {n: s for n, s in files.items() if s > sizes.FILE_LIMIT} == {}
    assert {n: s for n, s in functions.items() if s > sizes.FUNCTION_LIMIT} == {}


def test_every_package_is_listed_and_every_listed_package_exists() -> None:
    listed = set(
        tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    )
    found = {
        str(path.parent.relative_to(ROOT)).replace("/", ".")
        for path in tracked("*__init__.py")
        if path.relative_to(ROOT).parts[0] not in ("tests", "benchmarks")
    }
    assert listed == found


def test_lock_files_carry_hashes_and_no_addresses() -> None:
    for name in ("requirements", "requirements-dev", "requirements-fuzz", "requirements-audit"):
        path = ROOT / f"{name}.lock"
        text = path.read_text()
        assert "://" not in text
        assert not re.search(r"(?m)^\s*(-i|--(extra-)?index-url|--find-links|--trusted-host)", text)
        pins = re.findall(r"(?m)^[a-zA-Z0-9_.\[\]-]+==", text)
        assert len(pins) > 30
        assert text.count("--hash=sha256:") >= len(pins)
    desktop = (ROOT / "desktop" / "package-lock.json").read_text()
    assert '"resolved": "http' not in desktop
    assert '"integrity"' in desktop


def test_the_desktop_makes_no_page_of_a_text() -> None:
    makes = re.compile(
        r"(inner|outer)HTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|srcdoc"
        r"|\beval\(|new Function|createContextualFragment|trustedTypes"
    )
    sources = tracked("desktop/src/*.ts", "desktop/src/*.tsx")
    assert len(sources) > 50
    assert [path.name for path in sources if makes.search(path.read_text())] == []


def test_nothing_names_a_machine_or_a_registry() -> None:
    # The words are put together here so that this file does not find itself.
    hosts = "|".join(("py" + "pi\\.org", "deb\\." + "debian\\.org", "registry\\." + "npmjs"))
    pattern = re.compile(f"(?<![\\w}}])/(?:{'wo' + 'rk'}|{'ro' + 'ot'})/|{hosts}")
    guilty = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        if path.suffix not in (".png", ".gz", ".wav")
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="replace").splitlines(), 1
        )
        if pattern.search(line)
    ]
    assert guilty == []

"""The pictures of README.md and docs/ are the tests' own. `python -m tests.pictures` (`make
pictures`) runs the tests that make those the pages name, and puts them into docs/pictures."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
ARTEFACTS = ROOT / "tests" / "artefacts"
#: So that the pages open at once, and the repository stays small.
MOST_BYTES = 150_000

_NAMED = re.compile(r"pictures/([\w-]+)\.png")
#: `{name}` of an f-string stands for anything.
_MADE = re.compile(r'picture\(\s*f?"([\w{}-]+)"|ARTEFACTS / f?"([\w{}-]+)\.png"')


def named() -> Mapping[str, str]:
    """By picture: a page that shows it."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return {
        name: str(page.relative_to(ROOT))
        for page in pages
        for name in _NAMED.findall(page.read_text(encoding="utf-8"))
    }


def maker_of(picture: str) -> Path | None:
    """The file of tests that makes it."""
    for file in sorted((ROOT / "tests" / "acceptance").rglob("test_*.py")):
        for found in _MADE.findall(file.read_text(encoding="utf-8")):
            name = re.sub(r"\{\w+\}", r"[\\w-]+", "".join(found))
            if re.fullmatch(name, picture):
                return file
    return None


def main() -> int:
    wanted = sorted(named())
    files = sorted({str(file) for file in map(maker_of, wanted) if file is not None})
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", *files], cwd=ROOT, check=False)
    if done.returncode:
        return done.returncode
    too_big = []
    for name in wanted:
        picture = ARTEFACTS / f"{name}.png"
        shutil.copyfile(picture, PICTURES / picture.name)
        if picture.stat().st_size > MOST_BYTES:
            too_big.append(f"{picture.name} has {picture.stat().st_size} bytes: crop it")
    sys.stderr.write("".join(f"{line}\n" for line in too_big))
    return 1 if too_big else 0


if __name__ == "__main__":
    raise SystemExit(main())

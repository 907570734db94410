"""Bills of materials of what is pinned, and the known holes in it. Run by `make audit`.

The bills need no network. The holes are asked of OSV (osv.dev) and of npm's registry; where the
network does not let us, that is said and the exit is 2, so that nobody takes silence for health.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DESKTOP = ROOT / "desktop"
TOOLS = ROOT / ".venv-audit" / "bin"
BILLS = ROOT / "var" / "sbom"
#: What a server has, and what builds and tests it.
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-fuzz.lock")
DEADLINE_S = 300


class Unasked(Exception):
    """The text says why nothing is known."""


@dataclass(frozen=True, slots=True)
class Hole:
    package: str
    ids: str
    mended_in: str

    def __str__(self) -> str:
        return f"{self.package}: {self.ids}; mended in {self.mended_in}"


def of_pip_audit(answer: str, said: str) -> list[Hole]:
    """`answer`: what it wrote (JSON); empty where it came to none, and `said` is why. Raises
    Unasked."""
    try:
        told = list(json.loads(answer)["dependencies"])
    except (ValueError, KeyError, TypeError):
        raise Unasked(_last(said)) from None
    skipped = [one["name"] for one in told if "skip_reason" in one]
    if skipped:
        raise Unasked(f"nothing is known of {', '.join(skipped)}")
    return [
        Hole(
            f"{one['name']} {one['version']}",
            ", ".join((hole["id"], *hole.get("aliases", ()))),
            ", ".join(hole.get("fix_versions", ())) or "no release",
        )
        for one in told
        for hole in one.get("vulns", ())
    ]


def of_npm(answer: str) -> list[Hole]:
    """Raises Unasked."""
    try:
        told = json.loads(answer)
    except ValueError:
        told = None
    if not isinstance(told, dict) or not isinstance(told.get("vulnerabilities"), dict):
        why = told.get("message") if isinstance(told, dict) else None
        raise Unasked(str(why or "npm gave no answer"))
    return [
        Hole(
            f"{name} {one.get('range', '')}",
            ", ".join(str(via.get("url")) for via in one["via"] if isinstance(via, dict))
            or "by what it needs",
            "a later release" if one.get("fixAvailable") else "no release",
        )
        for name, one in sorted(told["vulnerabilities"].items())
    ]


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"


def _run(command: Sequence[str | Path], folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Raises Unasked where it takes too long or is not there."""
    try:
        return subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )
    except (subprocess.TimeoutExpired, FileNotFoundError) as error:
        raise Unasked(str(error)) from error


def write_bills() -> list[Path]:
    """CycloneDX: of what a server installs, and of what is in the desktop's page."""
    BILLS.mkdir(parents=True, exist_ok=True)
    python, desktop = BILLS / "python.cdx.json", BILLS / "desktop.cdx.json"
    how = ("--pyproject", "pyproject.toml", "--output-reproducible", "--of", "JSON", "--sv", "1.6")
    made = _run([TOOLS / "cyclonedx-py", "requirements", "requirements.lock", *how, "-o", python])
    if made.returncode:
        raise Unasked(_last(made.stderr))
    listed = ("--sbom-format", "cyclonedx", "--package-lock-only", "--omit", "dev")
    made = _run(["npm", "sbom", *listed], DESKTOP)
    if made.returncode:
        raise Unasked(_last(made.stderr))
    desktop.write_text(made.stdout, encoding="utf-8")
    return [python, desktop]


def _holes_of(lock: str) -> list[Hole]:
    how = ("--require-hashes", "--disable-pip", "--strict", "--progress-spinner", "off")
    asked = _run([TOOLS / "pip-audit", *how, "-s", "osv", "-f", "json", "-r", lock])
    return of_pip_audit(asked.stdout, asked.stderr)


def _holes_of_desktop() -> list[Hole]:
    return of_npm(_run(["npm", "audit", "--omit", "dev", "--json"], DESKTOP).stdout)


def main(arguments: Sequence[str] | None = None) -> int:
    """0: no hole is known; 1: some are; 2: nobody could be asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bills-only", action="store_true", help="ask nobody for known holes")
    options = parser.parse_args(arguments)
    status = 0
    try:
        for path in write_bills():
            parts = len(json.loads(path.read_text(encoding="utf-8"))["components"])
            print(f"{path.relative_to(ROOT)}: {parts} packages (CycloneDX)")
    except Unasked as why:
        print(f"no bill of materials: {why}")
        status = 2
    if options.bills_only:
        return status
    questions = {lock: (lambda lock=lock: _holes_of(lock)) for lock in LOCKS}
    questions["desktop/package-lock.json"] = _holes_of_desktop
    for what, ask in questions.items():
        try:
            holes = ask()
        except Unasked as why:
            print(f"{what}: NOT ASKED, nothing is known of its holes: {why}")
            status = status or 2
            continue
        print(f"{what}: {len(holes)} known holes")
        for hole in holes:
            print(f"  {hole}")
        status = 1 if holes else status
    return status


if __name__ == "__main__":
    sys.exit(main())

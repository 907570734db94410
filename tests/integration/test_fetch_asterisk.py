"""The script that finds Asterisk: what it says, without downloading anything."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

SCRIPT = Path(__file__).parents[2] / "deploy/fetch-asterisk.sh"


def fetch(
    folder: Path, *arguments: str, version: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run with nothing on PATH but sed and, perhaps, an Asterisk that says it is `version`."""
    programs = folder / "bin"
    programs.mkdir()
    for name in ("sed", "cat"):
        (programs / name).symlink_to(shutil.which(name) or name)
    if version is not None:
        asterisk = programs / "asterisk"
        asterisk.write_text(f"#!/bin/sh\necho 'Asterisk {version}'\n")
        asterisk.chmod(0o755)
    environment = {"PATH": str(programs), "SWITCHBOARD_ASTERISK_CACHE": str(folder / "cache")}
    return subprocess.run(
        [shutil.which("sh") or "sh", str(SCRIPT), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )


def test_a_recent_asterisk_on_the_path_is_taken(tmp_path: Path) -> None:
    done = fetch(tmp_path, version="22.1.0~dfsg")
    assert (done.returncode, done.stdout, done.stderr) == (0, "/\n", "")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("version", ["18.10.0", None])
def test_without_one_and_without_apt_it_says_what_to_do(
    tmp_path: Path, version: str | None
) -> None:
    done = fetch(tmp_path, version=version)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no apt-get to fetch it" in done.stderr
    assert "Install Asterisk 20 or later" in done.stderr


def test_help_has_an_example(tmp_path: Path) -> None:
    done = fetch(tmp_path, "--help")
    assert done.returncode == 0
    assert "example: root=$(deploy/fetch-asterisk.sh | tail -n 1)" in done.stdout


def test_an_unknown_option_is_wrong_usage(tmp_path: Path) -> None:
    done = fetch(tmp_path, "--hepl")
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage:" in done.stderr

"""Programs that are not there: what is said, and that nothing else happens."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from switchboard.demo.sipp import NoSipp, SippProcess

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
INSTALL = ROOT / "deploy/install-programs.sh"
NOBODY = 65534


@pytest.fixture
def programs() -> Iterator[Path]:
    """A PATH with nothing on it; any user may look there."""
    with tempfile.TemporaryDirectory(prefix="swb-path-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def demo(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """What the demo would start otherwise, it starts in `folder`."""
    known = {"PYTHONPATH": str(ROOT), "COLUMNS": "100", "NO_COLOR": "1", "HOME": str(folder)}
    return subprocess.run(
        [sys.executable, "-m", "switchboard", "demo", "--seconds", "5", "--folder", "demo"],
        cwd=folder,
        env=known | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_demo_names_all_that_is_missing_and_how_to_get_it(
    programs: Path, tmp_path: Path
) -> None:
    done = demo(tmp_path, PATH=str(programs))
    assert (done.returncode, done.stdout) == (1, "")
    first, *others = done.stderr.splitlines()
    assert first == (
        "missing: sipp, flite, espeak-ng, sh, asterisk (20 or later). "
        "On Debian: apt-get install sip-tester flite espeak-ng dash"
    )
    assert [line.split()[0] for line in others] == ["sipp", "flite", "espeak-ng", "sh", "asterisk:"]
    assert "https://github.com/SIPp/sipp" in others[0]
    assert not (tmp_path / "demo").exists()


def test_the_demo_does_not_name_what_is_there(programs: Path, tmp_path: Path) -> None:
    for name in ("flite", "espeak-ng", "sh", "apt-get", "dpkg", "dpkg-deb", "flock"):
        (programs / name).symlink_to("/bin/true")
    done = demo(tmp_path, PATH=str(programs))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "missing: sipp. On Debian: apt-get install sip-tester",
        "  sipp elsewhere: your system's package, or https://github.com/SIPp/sipp",
    ]


def test_an_asterisk_that_was_fetched_before_is_not_missing(programs: Path, tmp_path: Path) -> None:
    asterisk = tmp_path / "cache/root/usr/sbin/asterisk"
    asterisk.parent.mkdir(parents=True)
    asterisk.touch()
    done = demo(tmp_path, PATH=str(programs), SWITCHBOARD_ASTERISK_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 1
    assert done.stderr.startswith("missing: sipp, flite, espeak-ng, sh. On Debian: ")


def test_callers_without_sipp(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(NoSipp, match=r"missing: sipp\. On Debian: apt-get install sip-tester"):
        SippProcess(scenario="", host="127.0.0.1", port=5060, folder=tmp_path / "callers")
    assert not (tmp_path / "callers").exists()


def install(programs: Path, *wanted: str) -> subprocess.CompletedProcess[str]:
    """As an ordinary user, who may not read what a developer's home holds: the script is told."""
    root = os.getuid() == 0
    return subprocess.run(
        [shutil.which("sh") or "sh", "-s", *wanted],
        input=INSTALL.read_text(encoding="utf-8"),
        cwd="/",
        env={"PATH": str(programs)},
        user=NOBODY if root else None,
        group=NOBODY if root else None,
        extra_groups=[] if root else None,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def lies_there(programs: Path, *names: str) -> None:
    for name in names:
        (programs / name).symlink_to(shutil.which(name) or name)


def cannot_be_run(programs: Path, name: str, says: str = "was started") -> None:
    """A program that fails, with a word on stdout where it should not have been started."""
    path = programs / name
    path.write_text(f"#!/bin/sh\necho {says}\nexit 1\n" if says else "#!/bin/sh\nexit 1\n")
    path.chmod(0o755)


def test_without_apt_the_programs_are_named_and_nothing_is_run(programs: Path) -> None:
    done = install(programs, "nope", "sh", "sipp")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "missing: nope sh sipp. Install them with this system's package manager "
        "(Debian calls them: nope sh sip-tester).\n"
    )


def test_an_ordinary_user_without_sudo_is_told_the_one_command(programs: Path) -> None:
    lies_there(programs, "id", "sh")
    cannot_be_run(programs, "apt-get")
    done = install(programs, "nope", "sh", "sipp")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "missing: nope sipp. Run:  sudo apt-get install --no-install-recommends nope sip-tester\n"
    )


def test_a_sudo_that_would_ask_for_a_password_is_not_waited_for(programs: Path) -> None:
    lies_there(programs, "id", "sh")
    cannot_be_run(programs, "apt-get")
    cannot_be_run(programs, "sudo", says="")
    done = install(programs, "nope")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Run:  sudo apt-get install" in done.stderr

"""deploy/switchboard.service says what the documentation promises, in words systemd knows."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from config.watchdog_settings import WatchdogSettings
from switchboard.heart import EVERY_S

pytestmark = pytest.mark.architecture

UNIT = Path(__file__).parents[2] / "deploy" / "switchboard.service"


#: systemd.exec(5), systemd.service(5), systemd.kill(5), systemd.unit(5), of systemd 252.
_WORDS = """
    After CapabilityBoundingSet Description ExecStart KillMode LimitCORE LimitNOFILE
    LockPersonality Nice NoNewPrivileges PrivateDevices PrivateTmp ProtectClock ProtectControlGroups
    ProtectHome ProtectHostname ProtectKernelLogs ProtectKernelModules ProtectKernelTunables
    ProtectProc ProtectSystem Restart RestartSec RestrictAddressFamilies RestrictNamespaces
    RestrictRealtime RestrictSUIDSGID RuntimeDirectory StateDirectory StateDirectoryMode
    SuccessExitStatus
    SystemCallArchitectures SystemCallErrorNumber SystemCallFilter TimeoutStopSec Type UMask User
    WantedBy Wants WatchdogSec WorkingDirectory
"""


def settings() -> dict[str, str]:
    return keys_of(UNIT)


def keys_of(unit: Path) -> dict[str, str]:
    """Of all sections."""
    pairs = re.findall(r"^([A-Za-z]+)=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(pairs) == len(dict(pairs)), "a key is there twice"
    return dict(pairs)


def test_systemd_watches_the_watchdog_and_the_watchdog_the_server() -> None:
    unit = settings()
    assert "--watchdog" in shlex.split(unit["ExecStart"])
    assert (unit["Type"], unit["Restart"], unit["KillMode"]) == ("notify", "always", "mixed")
    assert float(unit["WatchdogSec"]) == 5
    assert float(unit["WatchdogSec"]) > 4 * EVERY_S
    # Whoever is asked to stop has its own limit before systemd's.
    assert float(unit["TimeoutStopSec"]) > WatchdogSettings().stop_limit_s


def test_calls_do_not_wait_behind_what_else_the_machine_does() -> None:
    assert int(settings()["Nice"]) < 0


def test_the_service_may_do_little() -> None:
    unit = settings()
    assert unit["NoNewPrivileges"] == "yes"
    assert unit["ProtectSystem"] == "strict"
    assert unit["CapabilityBoundingSet"] == ""
    assert unit["User"] != "root"


def test_systemd_takes_every_line(tmp_path: Path) -> None:
    takes_every_line(UNIT, tmp_path)


def takes_every_line(unit: Path, tmp_path: Path) -> None:
    assert set(keys_of(unit)) <= set(_WORDS.split())
    if shutil.which("systemd-analyze") is None:
        return  # then what we know of its words has to do
    copy = tmp_path / unit.name
    words = unit.read_text(encoding="utf-8")
    # It looks whether the program is there.
    copy.write_text(re.sub("(?m)^ExecStart=.*$", "ExecStart=/bin/true", words), encoding="utf-8")
    for command in (["verify"], ["security", "--offline=yes", "--threshold=20"]):
        asked = ["systemd-analyze", *command, str(copy)]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
        # Of an unknown word it only warns.
        assert (done.returncode, done.stderr) == (0, ""), done.stdout

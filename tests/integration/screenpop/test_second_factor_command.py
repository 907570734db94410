"""`switchboard agents second-factor`: added, told of, replaced and removed."""

from __future__ import annotations

import json
from pathlib import Path

import pyotp
import pytest

from tests.integration.test_cli import PASSWORD, Shell

pytestmark = pytest.mark.integration


def test_a_second_factor_is_added_told_of_and_removed(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    add = ("agents", "add", "anna", "--name", "Anna", "--interface", "PJSIP/201")
    assert shell(*add, SWITCHBOARD_AGENT_PASSWORD=PASSWORD).code == 0
    assert shell("agents", "second-factor", "anna", "--add", "--remove").code == 2
    shell("agents", "second-factor", "nobody", "--add").refuses("no agent logs in as 'nobody'")
    about = ("agents", "second-factor", "anna")
    assert shell(*about).out == "anna has no second factor\n"
    first = json.loads(shell(*about, "--add", "--json").out)
    assert first["uri"].startswith("otpauth://totp/Switchboard:anna?secret=")
    assert len(set(first["recovery_codes"])) == 10
    # In place of the first one, for people: a picture, the address, the codes.
    said = shell(*about, "--add")
    [uri] = [line for line in said.out.splitlines() if line.startswith("otpauth:")]
    assert uri != first["uri"]
    assert "█" in said.out
    assert "they are not shown again" in said.err
    told = shell(*about).out
    assert told.startswith("anna has a second factor since ")
    assert told.endswith("recovery codes left: 10\n")
    listed = shell("agents", "list").out + shell("agents", "list", "--json").out
    assert "Anna" in listed
    assert '"second_factor": true' in listed
    assert pyotp.parse_uri(uri).secret not in listed + told
    assert "no second factor any more" in shell(*about, "--remove").out
    assert shell(*about, "--remove").out == "anna had none\n"

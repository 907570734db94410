"""What callers type, searched for in the log of a whole server."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from switchboard.demo.server_process import ServerProcess
from tests import logging_everything
from tests.fakes.asterisk_agi import FakeAsterisk
from tests.integration.test_run_without_peers import settings

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
#: Of no order; no time, port or process has so many digits, or these.
TYPED = "918273450061"
NUMBER, NAME = "+12025550137", "Zorvane Quillip"


def _about_an_order(command: Sequence[str]) -> str | None:
    """Its status, which the shop asks for the number of, is the menu's fourth."""
    if command[:2] != ["GET", "DATA"]:
        return None
    return f"200 result={TYPED if command[-1] == str(len(TYPED)) else 4}"


async def test_the_digits_of_a_caller_are_not_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logging_everything.in_first(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(tmp_path), str(ROOT))))
    # Whose mask would hide what is said in so many digits.
    unmasked = settings(tmp_path, privacy={"mask_numbers": False})
    server = ServerProcess(tmp_path, unmasked)
    await server.start(wait_for=("agi", "storage", "crm"))
    try:
        asterisk = FakeAsterisk("127.0.0.1", server.settings["agi"]["port"])
        # The status of an order, which the shop asks for by its number.
        line = await asterisk.call(number=NUMBER, name=NAME, script=_about_an_order, deadline_s=60)
    finally:
        assert await server.stop() == 0
    assert any(command.endswith(f" {len(TYPED)}") for command in line.commands)
    assert line.route == "queue"
    log = (tmp_path / "server.log").read_text(encoding="utf-8")
    assert {"info", "debug"} <= {json.loads(each)["level"] for each in log.splitlines()}
    told = log.lower()
    assert [each for each in (TYPED, *NAME.lower().split()) if each in told] == []

"""Somebody is erased while `switchboard run` serves calls."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from switchboard.demo import free_ports
from switchboard.demo.server_process import ServerProcess
from tests.integration.privacy.canary import House
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

NUMBER = "+12025550187"


async def test_a_running_server_forgets_and_goes_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/switchboard.db"
    settings = {
        "agi": {"port": free_ports.tcp()},
        "web": {"host": "127.0.0.1", "port": free_ports.tcp()},
        "ami": {"port": free_ports.tcp(), "secret": "nobody listens"},
        "storage": {"url": url},
        "speech": {"cache_dir": str(tmp_path / "prompts")},
        "rulebook": {"state_dir": str(tmp_path / "rulebooks")},
        "scoring": {"nightly_at": "", "models_dir": str(tmp_path / "models")},
    }
    server = ServerProcess(tmp_path, settings)
    await server.start(wait_for=("agi", "storage", "crm"))
    try:
        house = House(tmp_path, url, "")
        done = await asyncio.to_thread(house.call, "privacy", "erase", NUMBER, "--yes")
        assert done.exit_code == 0, done.output
        told = "somebody was erased; forgotten: answers of the CRM, texts spoken"
        await wait_until(lambda: told in (tmp_path / "server.log").read_text(), deadline_s=30)
        metrics = await server.metrics()
        assert (await server.readyz())["ready"]
    finally:
        await server.stop()
    # Of the task that removes what is old.
    assert "privacy_pruned_timestamp_seconds" in metrics

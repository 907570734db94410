"""The checker asks a real Asterisk which queues it has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from ami_bridge.known_queues import known_queues
from config.rulebook_loader import SHIPPED
from config.settings import AmiSettings
from config.surroundings import BARE
from supervisor import check
from switchboard.demo import free_ports
from switchboard.demo.private_pbx import QUEUES, PrivatePbx

pytestmark = pytest.mark.acceptance


def ami(pbx: PrivatePbx, *, secret: str | None = None, port: int | None = None) -> AmiSettings:
    return AmiSettings(
        port=port or pbx.ami_port,
        username=pbx.ami_username,
        secret=SecretStr(pbx.ami_secret if secret is None else secret),
    )


async def test_a_queue_that_asterisk_does_not_have_is_named(
    pbx: PrivatePbx, tmp_path: Path
) -> None:
    queues = await known_queues(ami(pbx))
    assert queues is not None
    assert queues >= set(QUEUES)
    around = replace(BARE, queues=queues)
    assert [str(problem) for problem in check.check(SHIPPED, around=around)] == []
    for name in ("numbers", "menus"):
        (tmp_path / f"{name}.yaml").write_text(
            "numbers: {default: {menu: main}}\n"
            if name == "numbers"
            else "menus: {main: {options: [{intent: x, say: To buy, do: {queue: sale}}]}}\n"
        )
    [problem] = check.check(tmp_path, around=around)
    assert not problem.is_error
    assert "'sale'" in problem.sentence
    assert "did you mean 'sales'?" in problem.sentence


async def test_nobody_is_kept_waiting_by_an_asterisk_that_cannot_be_asked(pbx: PrivatePbx) -> None:
    assert await known_queues(ami(pbx, secret="")) is None
    assert await known_queues(ami(pbx, secret="wrong-secret")) is None
    assert await known_queues(ami(pbx, port=free_ports.tcp())) is None

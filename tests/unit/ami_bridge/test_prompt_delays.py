"""The wait for the first sound, counted once for each call."""

from __future__ import annotations

import asyncio
from unittest.mock import Mock

import pytest
from prometheus_client import CollectorRegistry

from ami_bridge.agi_channel import AgiChannel
from ami_bridge.agi_commands import CommandDeadlines
from ami_bridge.agi_protocol import Reply
from ami_bridge.prompt_delays import PromptDelays

pytestmark = pytest.mark.unit


class SlowLine:
    """Takes `takes_s` for each command; connected ten seconds ago."""

    def __init__(self) -> None:
        self.now = 10.0
        self.connected_at = 0.0
        self.hung_up = False
        self.takes_s = 0.5

    async def command(self, line: bytes, *, deadline_s: float) -> Reply:
        self.now += self.takes_s
        return Reply(200, "0")


async def test_a_call_is_counted_once_with_and_without_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line, registry = SlowLine(), CollectorRegistry()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: line.now)
    channel = AgiChannel(
        call=Mock(),
        connection=line,  # type: ignore[arg-type]
        deadlines=CommandDeadlines(),
        prompt_delays=PromptDelays(registry),
    )
    await channel.answer()
    await channel.play(["http://pbx/a.wav", "http://pbx/b.wav"])
    await channel.ask(["http://pbx/c.wav"], max_digits=1, timeout_s=1)
    seen = registry.get_sample_value
    assert seen("switchboard_first_command_seconds_count") == 1
    assert seen("switchboard_first_command_seconds_sum") == 10.0
    assert seen("switchboard_first_prompt_seconds_count") == 1
    # 10 s, the answer, and the backstop that is set before the first sound.
    assert seen("switchboard_first_prompt_seconds_sum") == 11.0
    assert seen("switchboard_first_prompt_less_answer_seconds_sum") == 10.5


async def test_a_call_without_a_sound_is_not_counted() -> None:
    registry = CollectorRegistry()
    channel = AgiChannel(
        call=Mock(),
        connection=SlowLine(),  # type: ignore[arg-type]
        deadlines=CommandDeadlines(),
        prompt_delays=PromptDelays(registry),
    )
    await channel.answer()
    await channel.begin_dialog()
    await channel.ask([], max_digits=1, timeout_s=1)
    assert registry.get_sample_value("switchboard_first_prompt_seconds_count") == 0

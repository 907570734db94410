"""Caps, hours and the switch that stops everything; time is the test's."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.dialling_settings import DiallingSettings
from screenpop.counters import DeskCounters
from screenpop.dialling.guard import HOUR_S, LONGEST_HELD_S, DiallingGuard, NotDialled

pytestmark = pytest.mark.unit

NUMBER = "+12025550123"


class House:
    def __init__(self, **settings: object) -> None:
        self.now = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
        self.seconds = 1000.0
        self.counters = DeskCounters()
        self.guard = DiallingGuard(
            settings=DiallingSettings.model_validate(settings),
            region="US",
            counters=self.counters,
            local_now=lambda: self.now,
            monotonic=lambda: self.seconds,
        )

    async def dial(self, login: str = "anna", number: str = NUMBER, key: str = "") -> str:
        """The refusal's code, or empty."""
        self.seconds += 1
        try:
            await self.guard.ask(login, number, key or f"call {self.seconds}")
        except NotDialled as why:
            return why.code
        return ""

    async def short(self, login: str = "anna") -> str:
        """A call that is over at once."""
        told = await self.dial(login, key="short")
        self.guard.ended("short")
        return told

    def metric(self, name: str, **labels: str) -> float:
        return self.counters.registry.get_sample_value(f"switchboard_{name}", labels) or 0.0


async def test_a_burst_ends_at_the_agents_cap_and_the_hour_after_lets_more() -> None:
    house = House()
    told = [await house.short() for _ in range(200)]
    assert told == [""] * 60 + ["dial_agent_limit"] * 140
    assert await house.short("ben") == ""
    house.seconds += HOUR_S - 250
    assert [await house.short() for _ in range(30)].count("") == 0
    house.seconds += 200
    assert [await house.short() for _ in range(61)] == [""] * 60 + ["dial_agent_limit"]
    assert house.metric("dials_total") == 121
    assert house.metric("dials_refused_total", why="dial_agent_limit") == 171


async def test_all_agents_together_have_a_cap() -> None:
    house = House()
    told = [await house.short(f"agent{number % 100}") for number in range(700)]
    assert told.count("") == 500
    assert set(told[500:]) == {"dial_centre_limit"}
    assert await house.dial("agent1", "100") == ""


async def test_one_call_of_an_agent_at_once() -> None:
    house = House()
    assert await house.dial(key="a") == ""
    assert await house.dial(key="b") == "dial_at_once"
    assert await house.dial(key="a") == "dial_at_once"
    assert await house.dial("ben", key="c") == ""
    house.guard.ended("b")
    assert await house.dial(key="b") == "dial_at_once"
    house.guard.ended("a")
    assert await house.dial(key="b") == ""
    house.seconds += LONGEST_HELD_S
    assert await house.dial(key="d") == ""
    house.guard.ends_within("d", 60)
    house.seconds += 50
    assert await house.dial(key="e") == "dial_at_once"
    house.seconds += 10
    assert await house.dial(key="e") == ""


async def test_a_name_that_goes_on_is_no_second_call() -> None:
    house = House(agent_at_once=2)
    assert await house.dial(key="a") == ""
    assert await house.dial(key="a") == "dial_at_once"
    assert await house.dial(key="b") == ""


async def test_asked_at_the_same_moment_only_one_is_dialled() -> None:
    house = House()
    told = await asyncio.gather(*(house.dial() for _ in range(20)))
    assert sorted(told) == [""] + ["dial_at_once"] * 19


async def test_what_was_not_dialled_after_all_does_not_count() -> None:
    house = House(agent_an_hour=1)
    assert await house.dial(key="a") == ""
    house.guard.not_begun("a")
    assert await house.dial(key="a") == ""
    house.guard.ended("a")
    assert await house.dial(key="b") == "dial_agent_limit"


async def test_the_house_and_emergencies_are_never_stopped(tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    house = House(stop_file=str(stop), agent_an_hour=0, centre_an_hour=0, hours="01:00-02:00")
    stop.touch()
    for number in ("100", "911", "112", "*97", "reception"):
        assert [await house.dial(number=number) for _ in range(100)] == [""] * 100
    assert house.metric("dials_total") == 0


async def test_a_file_stops_everything_at_once(tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    house = House(stop_file=str(stop))
    assert await house.short() == ""
    stop.touch()
    assert await house.short() == "dial_stopped"
    stop.unlink()
    assert await house.short() == ""
    assert await House(outside=False).dial() == "dial_stopped"


@pytest.mark.parametrize(
    ("hours", "open_at", "shut_at"),
    [
        ("07:00-21:00", [(7, 0), (20, 59)], [(6, 59), (21, 0), (2, 0)]),
        ("20:00-04:00", [(20, 0), (3, 59)], [(4, 0), (12, 0)]),
        ("", [(0, 0), (12, 0)], []),
    ],
)
async def test_at_night_nobody_outside_is_dialled(
    hours: str, open_at: list[tuple[int, int]], shut_at: list[tuple[int, int]]
) -> None:
    house = House(hours=hours)
    for told, moments in (("", open_at), ("dial_hours", shut_at)):
        for hour, minute in moments:
            house.now = house.now.replace(hour=hour, minute=minute)
            assert await house.short() == told


async def test_each_is_told_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    house = House()
    with caplog.at_level(logging.INFO):
        await house.dial()
        await house.dial("ben", "+19005550100")
        await house.dial("ben", "100\r\nAction: Originate")
    assert [record.getMessage() for record in caplog.records] == [
        "audit: dialling: agent=anna number=+12025550123",
        "audit: dialling refused (dial_costly): agent=ben number=+19005550100",
        "audit: dialling refused (dial_shape): agent=ben number=100",
    ]

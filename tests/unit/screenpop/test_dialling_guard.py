"""Caps, hours and the switch that stops everything; time is the test's."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
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


#: Five cents a minute here, the dearest abroad.
PRICES = {"+1": 0.05, "+1202": 0.01, "+49": 0.5, "+4930": 0.02}


def cost(house: House) -> float:
    return house.metric("dials_cost_today")


async def test_a_burst_ends_at_the_cost_of_a_day_before_any_call_does() -> None:
    house = House(prices=PRICES, day_cost=0.2, agent_at_once=100)
    told = [await house.dial() for _ in range(30)]
    assert told == [""] * 20 + ["dial_day_cost"] * 10
    assert cost(house) == 0.2
    assert house.metric("dials_refused_total", why="dial_day_cost") == 10
    for number in ("100", "911", "112", "reception"):
        assert await house.dial(number=number) == ""


async def test_the_longest_beginning_says_the_price_and_the_dearest_where_none_does() -> None:
    house = House(prices=PRICES, countries=["DE", "FR"])
    for number, price in (
        (NUMBER, 0.01),
        ("2025550123", 0.01),
        ("2125550123", 0.05),
        ("011493012345678", 0.02),
        ("+4989123456", 0.5),
        ("+33142685300", 0.5),
    ):
        before = cost(house)
        assert await house.dial(number=number, key="a") == ""
        house.guard.ended("a")
        assert cost(house) - before == pytest.approx(price), number


async def test_a_call_costs_by_its_length_while_it_goes_on_and_when_it_is_over() -> None:
    house = House(prices={"+1": 0.6}, day_cost=6.1)
    assert await house.dial(key="a") == ""
    assert cost(house) == 0.6
    house.seconds += 59
    assert cost(house) == 0.6
    house.seconds += 241
    assert cost(house) == 3.0
    house.guard.ended("a")
    house.seconds += 100
    assert cost(house) == 3.0
    assert await house.dial("ben", key="b") == ""
    house.seconds += 310
    assert cost(house) == 6.1
    # It goes on; nobody else is called.
    assert await house.short() == "dial_day_cost"
    house.seconds += 49
    house.guard.ended("b")
    assert cost(house) == 6.6


async def test_what_was_not_dialled_after_all_costs_nothing() -> None:
    house = House(prices={"+1": 0.6}, day_cost=0.6)
    assert await house.dial(key="a") == ""
    house.guard.not_begun("a")
    assert cost(house) == 0
    assert await house.dial(key="a") == ""


async def test_at_midnight_the_count_begins_anew_with_the_rest_of_what_goes_on() -> None:
    house = House(prices={"+1": 0.6}, day_cost=60, agent_at_once=3)
    house.now = house.now.replace(hour=23, minute=50)
    assert [await house.dial(key=key) for key in ("a", "b")] == ["", ""]
    house.guard.ended("b")
    # Asked for the first time at a quarter past: the first ten minutes were yesterday's.
    house.seconds += 25 * 60
    house.now += timedelta(minutes=25)
    assert cost(house) == pytest.approx(15 * 0.6)
    house.guard.ended("a")
    assert cost(house) == pytest.approx(15 * 0.6)
    house.now += timedelta(days=1)
    assert cost(house) == 0


async def test_of_a_call_whose_end_nobody_sees_more_is_counted() -> None:
    house = House(prices={"+1": 0.6}, agent_at_once=3)
    assert await house.dial(key="a") == ""
    house.seconds += 120
    house.guard.ends_within("a", 60)
    for _ in range(2):
        assert cost(house) == pytest.approx(0.6 * 62)
        house.seconds += 30_000
    assert await house.dial(key="lost") == ""
    house.seconds += 30_000
    assert cost(house) == pytest.approx(0.6 * (62 + LONGEST_HELD_S / 60))
    # The PBX refused it after all, or told of its end.
    assert await house.dial(key="b") == ""
    house.guard.ends_within("b", 60)
    house.guard.ended("b")
    assert cost(house) == pytest.approx(0.6 * (63 + LONGEST_HELD_S / 60))


async def test_without_prices_nothing_is_counted() -> None:
    house = House()
    assert await house.dial() == ""
    house.seconds += 10_000
    assert cost(house) == 0

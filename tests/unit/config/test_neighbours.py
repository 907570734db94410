"""Near by address; a name is looked up when a stranger comes, and not for each of them."""

from __future__ import annotations

import asyncio
import socket

import pytest
from pydantic import ValidationError

from config.neighbours import LOOK_UP_AGAIN_S, LOOK_UP_EVERY_S, Neighbours
from config.settings import AmiSettings, NodesSettings, Settings, WebSettings
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.unit


#: Leads nowhere.
NOBODY = "stopped"


class Names:
    """Answers in place of the resolver; `at` None: it does not answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: str | None) -> None:
        self.at = at
        self.asked = 0
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", self._look_up)

    async def _look_up(self, host: str, _port: None) -> list[tuple[object, ...]]:
        self.asked += 1
        if self.at is None or host == NOBODY:
            raise socket.gaierror("no answer")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.at, 0))]


async def test_a_name_is_looked_up_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, names = FakeClock(), Names(monkeypatch, "192.0.2.20")
    near = Neighbours(hosts=["asterisk"], now=lambda: clock().timestamp())
    assert await near.is_asterisk("127.0.0.1")
    assert names.asked == 0
    asked = await asyncio.gather(*(near.is_asterisk("192.0.2.20") for _ in range(5)))
    assert (asked, names.asked) == ([True] * 5, 1)
    # It moved.
    names.at = "192.0.2.21"
    assert not await near.is_asterisk("192.0.2.21")
    clock.advance(seconds=LOOK_UP_EVERY_S)
    assert await near.is_asterisk("192.0.2.21")
    assert not await near.is_asterisk("192.0.2.20")
    # What was known counts while nobody answers.
    names.at = None
    clock.advance(seconds=LOOK_UP_EVERY_S)
    assert not await near.is_asterisk("192.0.2.9")
    assert await near.is_asterisk("192.0.2.21")


async def test_a_name_that_leads_nowhere_shuts_nobody_else_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, names = FakeClock(), Names(monkeypatch, "192.0.2.20")
    near = Neighbours(hosts=["asterisk", NOBODY], now=lambda: clock().timestamp())
    assert await near.is_asterisk("192.0.2.20")
    # Whoever is away is asked for again soon.
    names.at = "192.0.2.21"
    clock.advance(seconds=LOOK_UP_AGAIN_S)
    assert await near.is_asterisk("192.0.2.21")


async def test_what_the_settings_say() -> None:
    near = Neighbours.of(
        Settings(
            ami=AmiSettings(host="192.0.2.20"),
            web=WebSettings(watchers=("2001:db8::/64",), asterisks=("203.0.113.0/28",)),
            nodes=NodesSettings(
                trusted=("192.0.2.11",), asterisks=(AmiSettings(host="192.0.2.21", system="b"),)
            ),
        )
    )
    for asker in ("192.0.2.20", "192.0.2.21", "192.0.2.11", "203.0.113.9", "::ffff:192.0.2.20"):
        assert await near.is_asterisk(asker), asker
        assert not near.watches(asker)
    assert near.watches("2001:db8::7")
    assert not await near.is_asterisk("2001:db8::7")
    for nobody in ("", None, "unix", "192.0.2.2"):
        assert not await near.is_asterisk(nobody)
        assert not near.watches(nobody)


def test_what_is_no_network_is_refused_with_an_example() -> None:
    for text in ("here", "192.0.2.1/24", ""):
        with pytest.raises(ValidationError, match=r"write it like 10\.0\.0\.5"):
            WebSettings(watchers=(text,))

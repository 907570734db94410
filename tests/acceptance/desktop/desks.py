"""Agents with desk phones, each at a page of their own."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

from playwright.async_api import Browser, Locator, expect

from calls import events
from calls.agents import Agent
from calls.ports import CallChannel, QueueRequest
from tests.acceptance.desktop.conftest import Desktop, opened
from tests.acceptance.desktop.phone_world import PhoneWorld
from tests.fakes.ringing_call import now, victoria


@dataclass
class Desks:
    """Agents at browsers of their own; their contexts end with the test."""

    world: PhoneWorld
    browser: Browser
    _stack: AsyncExitStack

    async def taken(self, agent: Agent, *, at: Browser | None = None) -> Desktop:
        """Logged in, in a profile without a past."""
        context = await (at or self.browser).new_context(
            viewport={"width": 1360, "height": 900}, locale="en-US"
        )
        if at is None:
            self._stack.push_async_callback(context.close)
        context.set_default_timeout(30_000)
        desktop = await self._stack.enter_async_context(opened(context, self.world.server))
        await desktop.log_in(agent.login)
        return desktop

    async def available(self, agent: Agent, *, at: Browser | None = None) -> Desktop:
        desktop = await self.taken(agent, at=at)
        await desktop.page.get_by_label("Available", exact=True).click()
        await expect(desktop.page.get_by_label("Available", exact=True)).to_be_checked()
        return desktop


def state(desktop: Desktop) -> Locator:
    return desktop.page.get_by_test_id("pop-state")


def unknown_yet(world: PhoneWorld, queue: str) -> None:
    """Callers come into this queue before the CRM has answered."""

    async def dialog(channel: CallChannel) -> None:
        await channel.answer()
        await channel.to_queue(QueueRequest(queue))

    world.house.dialog = dialog


async def crm_answers_late(world: PhoneWorld) -> None:
    (arrived,) = await world.house.some(events.CallArrived)
    await world.server.publish(
        events.CallerIdentified(arrived.call_id, now(), victoria(), late=True)
    )

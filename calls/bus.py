"""Events inside one process: each subscriber has its own bounded queue and its own task."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

log = logging.getLogger(__name__)

Handler = Callable[[Any], Awaitable[None]]

#: A subscriber that is behind is told of once in so many events: the log must not slow it more.
_SAY_EVERY = 1_000


@dataclass(slots=True)
class Subscription:
    name: str
    handler: Handler
    types: tuple[type, ...]
    #: One queue each for so many calls that are handled side by side.
    lanes: tuple[asyncio.Queue[Any], ...]
    #: Events this subscriber never saw because its queue was full.
    shed: int = 0
    failed: int = 0
    pending: int = 0

    def lane_of(self, event: Any) -> asyncio.Queue[Any]:
        """Of one call always the same."""
        if len(self.lanes) == 1:
            return self.lanes[0]
        return self.lanes[hash(event.call_id) % len(self.lanes)]


@dataclass(slots=True)
class EventBus:
    """`publish` never waits: a subscriber that falls `queue_size` events behind loses the newest
    and its `shed` counter says so (durable state is repaired by the resync, never from the bus).

    One event's handlers run in no set order between subscribers; one subscriber sees events in the
    order of publishing, one at a time, or, where it asked for `lanes`, those of each call so.
    """

    queue_size: int = 10_000
    #: How long leaving waits for events published before, such as the ends of the last calls.
    drain_s: float = 4.0
    subscriptions: list[Subscription] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _running: bool = False

    def subscribe(self, name: str, handler: Handler, *types: type, lanes: int = 1) -> Subscription:
        """`handler` is awaited with each event that is an instance of one of `types`. With `lanes`
        up to so many calls are handled side by side: for who waits for the database with each, and
        would else be as slow as its commits one after the other."""
        queues = tuple(asyncio.Queue[Any]() for _ in range(lanes))
        subscription = Subscription(name, handler, types, queues)
        self.subscriptions.append(subscription)
        if self._running:
            self._start(subscription)
        return subscription

    def publish(self, event: Any) -> None:
        for subscription in self.subscriptions:
            if isinstance(event, subscription.types):
                if subscription.pending < self.queue_size:
                    subscription.lane_of(event).put_nowait(event)
                    subscription.pending += 1
                else:
                    if subscription.shed % _SAY_EVERY == 0:
                        log.error("bus: %s is behind, events are shed", subscription.name)
                    subscription.shed += 1

    async def drain(self) -> None:
        """Returns when every event published so far, and those its handlers published, is
        handled."""
        while any(subscription.pending for subscription in self.subscriptions):
            for subscription in self.subscriptions:
                for lane in subscription.lanes:
                    await lane.join()

    async def __aenter__(self) -> Self:
        self._running = True
        for subscription in self.subscriptions:
            self._start(subscription)
        return self

    async def __aexit__(self, *exc: object) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self.drain_s):
                await self.drain()
        for subscription in self.subscriptions:
            if subscription.pending:
                log.error("bus: %s stopped with events unseen", subscription.name)
        self._running = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def _start(self, subscription: Subscription) -> None:
        self._tasks += [
            asyncio.create_task(self._serve(subscription, lane), name=f"bus:{subscription.name}")
            for lane in subscription.lanes
        ]

    async def _serve(self, subscription: Subscription, lane: asyncio.Queue[Any]) -> None:
        while True:
            event = await lane.get()
            try:
                await subscription.handler(event)
            except Exception:
                subscription.failed += 1
                log.exception("bus: %s failed on %s", subscription.name, type(event).__name__)
            finally:
                subscription.pending -= 1
                lane.task_done()

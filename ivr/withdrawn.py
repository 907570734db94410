"""Callers who left their queue by the key for a call back: asked once, and back in the queue where
it comes to nothing."""

from __future__ import annotations

import logging

from calls.errors import CallerHungUp, ChannelBroken
from calls.events import DialogFailed, QueueGivenUp
from calls.ports import CallChannel, QueueExits
from config.actions import AskCallback, HangUp, SayText
from ivr.inbound import InboundCall, InboundCalls
from ivr.queued_calls import QueuedCall

log = logging.getLogger(__name__)


class WithdrawnCalls:
    """`serve` is the AGI server's handler for them."""

    def __init__(self, *, house: InboundCalls, exits: QueueExits) -> None:
        self._house = house
        self._exits = exits

    async def serve(self, channel: CallChannel) -> None:
        """Raises CallerHungUp or ChannelBroken."""
        place = self._exits.place_given_up(channel.call.id)
        await WithdrawnCall(self._house, channel, place.position if place else None).run()


class WithdrawnCall(InboundCall):
    """The same call, after its queue."""

    def __init__(self, house: InboundCalls, channel: CallChannel, position: int | None) -> None:
        super().__init__(house, channel)
        self._position = position

    async def run(self) -> None:
        queued = self._house.queued.of(self._call.id)
        try:
            if queued is None:
                log.warning("call %s: left a queue that we know nothing of", self._call.id)
                await self._to_queue(self._safe_end)
            else:
                await self._ask(queued)
        except (CallerHungUp, ChannelBroken):
            raise
        except Exception as error:
            log.exception("call %s: could not be asked for a call back", self._call.id)
            self._house.bus.publish(DialogFailed(self._call.id, self._now(), type(error).__name__))
            end = queued.end if queued else self._safe_end
            await self._to_queue(end, again=True, position=self._position)

    async def _ask(self, queued: QueuedCall) -> None:
        course, queue = queued.course, queued.end.queue
        self._now = course.now
        self._house.bus.publish(
            QueueGivenUp(self._call.id, self._now(), queue=queue, position=self._position)
        )
        await self._channel.begin_dialog()
        end = await self._dialog(course, position_given_up=self._position).run(
            AskCallback(
                queue=queue,
                say=course.text("callback_ask"),
                then=SayText(course.text("callback_done"), HangUp()),
                otherwise=queued.end,
            )
        )
        if isinstance(end, HangUp):
            await self._send_away(end)
        else:
            await self._to_queue(queued.end, course, again=True, position=self._position)

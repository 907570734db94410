"""The stories of the calls going on now; a bounded number of them."""

from __future__ import annotations

import logging

from calls import events
from calls.call import CallId
from screenpop.call_story import CallStory

log = logging.getLogger(__name__)


class Stories:
    """Beyond `limit` the oldest call is forgotten: it ended without our hearing of it."""

    def __init__(self, limit: int = 5_000) -> None:
        self._limit = limit
        self._stories: dict[CallId, CallStory] = {}

    def of(self, call_id: CallId) -> CallStory:
        story = self._stories.get(call_id)
        if story is None:
            if len(self._stories) >= self._limit:
                oldest = next(iter(self._stories))
                log.warning("stories: %s forgotten, too many calls at once", oldest)
                del self._stories[oldest]
            story = self._stories[call_id] = CallStory(call_id)
        return story

    def find(self, call_id: CallId) -> CallStory | None:
        return self._stories.get(call_id)

    def forget(self, call_id: CallId) -> None:
        self._stories.pop(call_id, None)

    def __len__(self) -> int:
        return len(self._stories)

    def learn(self, event: events.CallEvent) -> bool:
        """Adds what the event tells of the call itself; True where a pop would show it."""
        match event:
            case events.CallArrived():
                self.of(event.call_id).call = event.call
            case events.CallRemembered():
                # The pops of before hold more than is remembered: nothing new to show on them.
                self._remember(event)
                return False
            case events.CallerIdentified():
                # A late answer may come after the end: it must not bring the call back.
                story = self.find(event.call_id) if event.late else self.of(event.call_id)
                if story is None:
                    return False
                story.caller = event.caller
            case events.DecisionMade():
                self.of(event.call_id).decision = event.decision
            case events.OptionChosen():
                self.of(event.call_id).press(event.key)
            case events.CallQueued():
                story = self.of(event.call_id)
                story.queue, story.queued_at = event.queue, event.at
            case _:
                return False
        return True

    def _remember(self, event: events.CallRemembered) -> None:
        story = self.of(event.call_id)
        story.call, story.queue, story.queued_at = event.call, event.queue, event.queued_at
        for key in event.keys:
            story.press(key)

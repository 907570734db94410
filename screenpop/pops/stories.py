"""The stories of the calls going on now; a bounded number of them."""

from __future__ import annotations

import logging
from collections import OrderedDict

from calls import events
from calls.call import CallId
from calls.caller import Caller
from screenpop.pops.call_story import CallStory

log = logging.getLogger(__name__)


class Stories:
    """Beyond `limit` the oldest call is forgotten: it ended without our hearing of it.

    Calls that agents place are no stories: nobody is to be shown who they called themselves.
    """

    def __init__(self, limit: int = 5_000) -> None:
        self._limit = limit
        self._stories: dict[CallId, CallStory] = {}
        self._placed: OrderedDict[CallId, None] = OrderedDict()

    def is_placed(self, event: events.CallEvent) -> bool:
        """Of a call that an agent placed; told of by its arrival, forgotten with its end."""
        if isinstance(event, events.CallArrived | events.CallRemembered) and event.call.is_placed:
            self._placed[event.call_id] = None
            if len(self._placed) > self._limit:
                self._placed.popitem(last=False)
        if event.call_id not in self._placed:
            return False
        if isinstance(event, events.CallEnded):
            del self._placed[event.call_id]
        return True

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
                if story is None or (event.late and _said_it_better(story.caller)):
                    return False
                story.caller = event.caller
                story.selected = story.selected or _remembered(event.caller)
            case events.DecisionMade():
                story = self.of(event.call_id)
                story.decision, story.wish = event.decision, event.decision.pop
                story.language = event.decision.language
            case events.OfferMet():
                story = self.find(event.call_id)
                if story is None:
                    return False
                story.meet(event.offer, event.place, event.answer)
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
        story.wish, story.language = event.pop, event.language
        for key in event.keys:
            story.press(key)


def _remembered(caller: Caller) -> str | None:
    """Whom an agent chose in an earlier call, so that this one's can take it back."""
    if caller.identity.method != "remembered" or caller.contact is None:
        return None
    return str(caller.contact.ref)


def _said_it_better(caller: Caller | None) -> bool:
    """Who typed a key of theirs is not who the number says."""
    return caller is not None and caller.identity.method == "typed_key"

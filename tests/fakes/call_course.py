"""A plan that is written in a test, and a course that remembers what a dialog told it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from calls.decision import CallRecording, Decision, Route
from calls.offers import OfferAnswer
from config.actions import ToQueue
from config.problems import Place
from config.spoken_text import ANY_LANGUAGE, Text
from config.stock_texts import STOCK_TEXTS
from config.templates import compile_template
from ivr.menu import PresentedMenu

A_DECISION = Decision("v1", "en", Route("menu", "main"), menu="main", greeting=None)

#: Said of a text, it has a value that nobody knows.
UNKNOWN = "(unknown)"


def text_of(sentence: str) -> Text:
    return Text({ANY_LANGUAGE: compile_template(sentence, ())}, Place("test.yaml", 1))


@dataclass
class FakePlan:
    """Implements `ivr.plan.Plan`."""

    menus: Mapping[str, PresentedMenu] = field(default_factory=dict)
    decision: Decision = A_DECISION

    def menu(self, name: str) -> PresentedMenu:
        return self.menus[name]

    def say(self, text: Text) -> str | None:
        sentence = text.in_language(self.decision.language).source
        return None if sentence == UNKNOWN else sentence

    def stock(self, name: str) -> str:
        return STOCK_TEXTS[name][self.decision.language]

    def finish(self, queue: ToQueue) -> ToQueue:
        return replace(queue, priority=max(queue.priority, self.decision.route.priority))


class FakeCourse:
    """Implements `ivr.plan.Course`. `found`, `pins` and `webhooks` are what is right; `meanwhile`
    runs during every look-up."""

    def __init__(self, plan: FakePlan) -> None:
        self.plan = plan
        self.callable_number: str | None = "+12025550101"
        self.is_identified = True
        self.found: set[str] = set()
        self.pins: set[str] = set()
        self.webhooks: set[str] = set()
        self.meanwhile: Callable[[], None] = lambda: None
        self.was_typed: list[tuple[str, str]] = []
        self.met: list[tuple[str, OfferAnswer]] = []
        self.pins_checked = 0
        self.recordings: list[CallRecording] = []

    async def typed(self, field: str, digits: str) -> bool:
        self.meanwhile()
        if field == "order_number" and digits not in self.found:
            return False
        self.was_typed.append((field, digits))
        return True

    async def check_pin(self, pin: str) -> bool:
        self.meanwhile()
        self.pins_checked += 1
        return pin in self.pins

    async def ask_webhook(self, name: str) -> bool:
        self.meanwhile()
        return name in self.webhooks

    def call_recorded(self, recording: CallRecording) -> None:
        self.recordings.append(recording)

    def offer_met(self, offer: str, answer: OfferAnswer) -> None:
        self.met.append((offer, answer))

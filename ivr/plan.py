"""What a dialog needs to know of the decision about its call."""

from __future__ import annotations

from typing import Protocol

from calls.decision import CallRecording, Decision
from calls.offers import OfferAnswer
from config.actions import ToQueue
from config.spoken_text import Text
from ivr.menu import PresentedMenu


class Plan(Protocol):
    """Implemented by `ivr.rules.CallPlan`."""

    @property
    def decision(self) -> Decision: ...

    def menu(self, name: str) -> PresentedMenu: ...

    def say(self, text: Text) -> str | None:
        """Filled in with what is known by now; None where a value is not."""
        ...

    def stock(self, name: str) -> str: ...

    def finish(self, queue: ToQueue) -> ToQueue:
        """With the priority and the agent that a route rule gives to every queue."""
        ...


class Course(Protocol):
    """The plan of one call, made anew whenever more is known. Implemented by
    `ivr.deciding.CallCourse`."""

    @property
    def plan(self) -> Plan: ...

    @property
    def callable_number(self) -> str | None:
        """E.164 of the caller's own telephone; None where it is withheld, or nobody can call it."""
        ...

    @property
    def is_identified(self) -> bool: ...

    async def typed(self, field: str, digits: str) -> bool:
        """Keeps what the caller typed. False where the field names a person and nobody is found
        by it; then nothing is kept."""
        ...

    async def check_pin(self, pin: str) -> bool: ...

    async def ask_webhook(self, name: str) -> bool:
        """False where it did not answer."""
        ...

    def call_recorded(self, recording: CallRecording) -> None:
        """Or not recorded, and why."""
        ...

    def offer_met(self, offer: str, answer: OfferAnswer) -> None:
        """In a menu of this call."""
        ...

"""What every step of a dialog works with, and how a step ends."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from calls.bus import EventBus
from calls.call import CallId
from config.actions import Action
from ivr.plan import Course
from ivr.quiet import Quiet
from ivr.voice import Voice

#: The key that leads to a person, in menus and in every question. In answer to a question it counts
#: when it stands alone: so no field can be filled with a single 0.
PERSON_KEY = "0"


class Person:
    """The caller asked for a person."""


#: What is next: an action, or a person.
Next = Action | Person

PERSON = Person()


@dataclass(frozen=True, slots=True)
class Conversation:
    call_id: CallId
    voice: Voice
    course: Course
    bus: EventBus
    now: Callable[[], datetime]
    quiet: Quiet
    #: Of a caller who left a queue to be called back: where they stood, counted from 1.
    position_given_up: int | None = None
    #: Tells it from other dialogs of the same call.
    token: str = field(default_factory=lambda: secrets.token_hex(4))

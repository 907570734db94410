"""What a key, a rule or a closed door leads to. An action may lead on to a next one by `then`.

The texts in it are filled in when they are reached: what a caller typed before is known by then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from config.spoken_text import Text

#: Fields by which a caller who types them is recognised; any other is only remembered.
IDENTIFYING_FIELDS = ("customer_id", "account_number", "order_number")


#: Fields of whose digits nothing is kept, nor recorded, but a card's last four.
SECRET_FIELDS = ("pin", "passcode", "password", "cvv", "cvc", "card_number", "credit_card")


@dataclass(frozen=True, slots=True)
class ToQueue:
    """`prefer` is an agent's login, or `last` for whoever talked with this contact last; that
    agent alone is rung for `prefer_s` before the others are."""

    queue: str
    priority: int = 0
    prefer: str | None = None
    prefer_s: int = 20
    #: As given by the skills that the action asks for.
    min_penalty: int | None = None
    max_penalty: int | None = None


@dataclass(frozen=True, slots=True)
class ToMenu:
    menu: str


@dataclass(frozen=True, slots=True)
class Back:
    """To the menu from which this one was entered; where there is none, this one again."""


@dataclass(frozen=True, slots=True)
class HangUp:
    pass


@dataclass(frozen=True, slots=True)
class SayText:
    text: Text
    then: Action


@dataclass(frozen=True, slots=True)
class Collect:
    """Digits into the fact `typed.<field>`. Where `field` is one of IDENTIFYING_FIELDS the caller
    is looked up by it before `then`; `failure` is next after `tries` entries of a wrong length or
    of somebody who is not found."""

    field: str
    say: Text
    then: Action
    failure: Action
    invalid: Text
    min_digits: int = 1
    max_digits: int = 12
    tries: int = 3
    timeout_s: float = 5.0

    @property
    def is_secret(self) -> bool:
        return self.field.lower() in SECRET_FIELDS


@dataclass(frozen=True, slots=True)
class CheckPin:
    """Sets the fact `caller.pin_ok`. Nobody but an identified contact can pass."""

    say: Text
    then: Action
    failure: Action
    invalid: Text
    tries: int = 3
    timeout_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Record:
    """A message becomes a task for the people of `queue`; a spoken name goes with the lead."""

    what: Literal["message", "name"]
    say: Text
    then: Action
    queue: str | None = None
    max_s: float = 60.0
    silence_s: float = 3.0


@dataclass(frozen=True, slots=True)
class ToVoicemail:
    """A mailbox of Asterisk's own: `100` or `100@sales`."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class ToTarget:
    """A name from the settings' `rulebook.transfer_targets`: only the administrator adds any."""

    target: str


@dataclass(frozen=True, slots=True)
class AskCallback:
    """Reads the caller's number back, takes `1` as a yes, and makes a task of it. `then` follows a
    yes; `otherwise` a no, silence, or a number nobody can call."""

    queue: str
    say: Text
    then: Action
    otherwise: Action


@dataclass(frozen=True, slots=True)
class AskWebhook:
    """Sets the facts `answers.<webhook>.<value>`."""

    webhook: str
    then: Action
    failure: Action


Action = (
    ToQueue
    | ToMenu
    | Back
    | HangUp
    | SayText
    | Collect
    | CheckPin
    | Record
    | ToVoicemail
    | ToTarget
    | AskCallback
    | AskWebhook
)

#: Actions that end our part of the call.
Ending = ToQueue | HangUp | ToVoicemail | ToTarget


@dataclass(frozen=True, slots=True)
class Followers:
    """The actions right after one, and the texts it speaks itself."""

    actions: tuple[Action, ...] = ()
    texts: tuple[Text, ...] = field(default=())


def followers(action: Action) -> Followers:
    match action:
        case SayText(text, then):
            return Followers((then,), (text,))
        case Collect() | CheckPin():
            return Followers((action.then, action.failure), (action.say, action.invalid))
        case Record():
            return Followers((action.then,), (action.say,))
        case AskCallback():
            return Followers((action.then, action.otherwise), (action.say,))
        case AskWebhook():
            return Followers((action.then, action.failure))
        case _:
            return Followers()


def every_step(action: Action) -> Iterator[Action]:
    """The action and all it may lead to, without entering other menus."""
    todo = [action]
    while todo:
        step = todo.pop()
        yield step
        todo.extend(followers(step).actions)

"""What a key, a rule or a closed door leads to: exactly one of a dozen things, and what follows.

The first key that says what is done picks the shape; `say` and `queue` also go with others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field

from config.actions import (
    SECRET_FIELDS,
    Action,
    AskCallback,
    AskWebhook,
    Back,
    CheckPin,
    Collect,
    HangUp,
    Record,
    SayText,
    ToMenu,
    ToQueue,
    ToTarget,
    ToVoicemail,
)
from config.problems import as_said, did_you_mean
from config.reading.parts import FactName, Name, Part, RawAction, RawText, shaped
from config.reading.reader import Path, Reader
from config.reading.skills import joined_skills
from config.shape import check_shape
from config.yaml_sentences import missing_blank

MAX_TYPED = 20
#: Everything an action can be, in the order in which one of several is taken for the meant one.
LEADERS = (
    "queue",
    "menu",
    "back",
    "hangup",
    "say",
    "collect",
    "pin",
    "record",
    "voicemail",
    "transfer",
    "callback",
    "webhook",
)
#: Leaders that are also a part of others.
_PART_OF = {"say": ("collect", "record", "callback"), "queue": ("record",)}

Tries = Annotated[int, Field(ge=1, le=10)]
Wait = Annotated[float, Field(ge=0.5, le=60)]
Priority = Annotated[int, Field(ge=0, le=1000)]


class QueueAction(Part):
    queue: Name
    """Asterisk's queue that takes the call."""
    priority: Priority = 0
    """Callers with a higher one are answered first."""
    prefer_agent: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.@-]{1,40}$")] | None = None
    """An agent's login, or `last`: whoever talked with this contact last."""
    prefer_s: Annotated[int, Field(ge=1, le=300)] | None = None
    """How long that agent alone is rung."""
    skills: list[Name] | None = None
    """Names from `skills`; agents without one of them are not rung."""


class MenuAction(Part):
    menu: Name
    """The menu that is spoken next."""


class BackAction(Part):
    back: Literal[True]
    """To the menu from which this one was entered."""


class HangUpAction(Part):
    hangup: Literal[True]
    """Ends the call."""


class SayAction(Part):
    say: RawText
    then: RawAction


class CollectAction(Part):
    collect: FactName
    """The digits become the fact `typed.<field>`; customer_id, account_number and order_number
    also recognise the caller."""
    say: RawText
    then: RawAction
    digits: Annotated[Any, shaped("digit_count")] = None
    """How many: one number, or [least, most]."""
    tries: Tries = 3
    timeout_s: Wait = 5.0
    invalid: RawText = None
    failure: RawAction = None


class PinAction(Part):
    pin: RawText
    """What asks the caller for the PIN."""
    then: RawAction
    tries: Tries = 3
    invalid: RawText = None
    failure: RawAction = None


class RecordAction(Part):
    record: Literal["message", "name"]
    """A message becomes a task for the people of `queue`; a name goes with the lead."""
    say: RawText = None
    queue: Name | None = None
    max_s: Annotated[float, Field(ge=1, le=600)] = 60.0
    then: RawAction = None


def _mailbox(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class VoicemailAction(Part):
    voicemail: Annotated[Any, shaped("mailbox")]
    """A mailbox of Asterisk's: 100, or 100@sales."""


class TransferAction(Part):
    transfer: Name
    """One of the settings' rulebook.transfer_targets."""


class CallbackAction(Part):
    callback: Name
    """The queue whose agents call back."""
    say: RawText = None
    then: RawAction = None
    otherwise: RawAction = None


class WebhookAction(Part):
    webhook: Name
    """One of `webhooks`; what it answers becomes the facts answers.<webhook>.<value>."""
    then: RawAction
    failure: RawAction = None


ACTION_SHAPES: dict[str, type[Part]] = {
    "queue": QueueAction,
    "menu": MenuAction,
    "back": BackAction,
    "hangup": HangUpAction,
    "say": SayAction,
    "collect": CollectAction,
    "pin": PinAction,
    "record": RecordAction,
    "voicemail": VoicemailAction,
    "transfer": TransferAction,
    "callback": CallbackAction,
    "webhook": WebhookAction,
}
_EVERY_KEY = sorted({key for shape in ACTION_SHAPES.values() for key in shape.model_fields})


def read_action(reader: Reader, raw: Any, path: Path) -> Action:
    """Problems are reported; then the answer is only a stand-in."""
    leader = _leader(reader, raw, path)
    if leader is None:
        return HangUp()
    shape = ACTION_SHAPES[leader]
    fitting = _without_strangers(reader, raw, leader, path)
    part = check_shape(shape, fitting, path, reader.report)
    # The inner parts are read even where the outer one is wrong.
    return _READERS[leader](reader, part, fitting, path)


def action_in(reader: Reader, raw: Any, key: str, path: Path, otherwise: Action) -> Action:
    """The action at `key`, where one is written."""
    value = raw.get(key) if isinstance(raw, dict) else None
    return otherwise if value is None else read_action(reader, value, (*path, key))


def to_person(reader: Reader) -> ToQueue:
    return ToQueue(reader.found.around.default_queue)


def goodbye(reader: Reader) -> SayText:
    return SayText(reader.found.texts["goodbye"], HangUp())


def _leader(reader: Reader, raw: Any, path: Path) -> str | None:
    if not isinstance(raw, dict):
        joined = missing_blank(raw) if isinstance(raw, str) else None
        hint = f"; {joined}" if joined else ""
        sentence = f"'{path[-1]}' must be a mapping (key: value), not {as_said(raw)}{hint}"
        reader.report(path, sentence)
        return None
    given = [key for key in LEADERS if raw.get(key) not in (None, False)]
    leaders = [key for key in given if not set(_PART_OF.get(key, ())) & set(given)]
    if len(leaders) == 1:
        return leaders[0]
    strangers = [key for key in raw if key not in _EVERY_KEY]
    for key in strangers:
        reader.report((*path, key), f"unknown key '{key[:60]}'{did_you_mean(key, _EVERY_KEY)}")
    if leaders or not strangers:
        what = f"not {' and '.join(leaders)} together" if leaders else "and there is none"
        listed = f"{', '.join(LEADERS[:-1])} and {LEADERS[-1]}"
        reader.report(path, f"an action is exactly one of {listed}, {what}")
    return None


def _without_strangers(
    reader: Reader, raw: dict[str, Any], leader: str, path: Path
) -> dict[str, Any]:
    """What belongs to another action is told by its name, and then left aside."""
    fields = ACTION_SHAPES[leader].model_fields
    kept = {}
    for key, value in raw.items():
        others = [name for name, shape in ACTION_SHAPES.items() if key in shape.model_fields]
        if key in fields or not others:
            kept[key] = value
        elif key not in LEADERS:
            goes = " or ".join(f"'{name}'" for name in others)
            reader.report((*path, key), f"'{key}' goes with {goes}, not with '{leader}'")
    return kept


def _queue(reader: Reader, part: Part | None, raw: dict[str, Any], path: Path) -> Action:
    if not isinstance(part, QueueAction):
        return HangUp()
    if part.prefer_s is not None and part.prefer_agent is None:
        reader.report((*path, "prefer_s"), "'prefer_s' goes with 'prefer_agent'")
    skill = joined_skills(reader, part.skills or [], (*path, "skills"))
    return ToQueue(
        part.queue,
        part.priority,
        part.prefer_agent,
        part.prefer_s or 20,
        skill.min_penalty,
        skill.max_penalty,
    )


def _menu(reader: Reader, part: Part | None, raw: dict[str, Any], path: Path) -> Action:
    return ToMenu(part.menu) if isinstance(part, MenuAction) else HangUp()


def _back(reader: Reader, part: Part | None, raw: dict[str, Any], path: Path) -> Action:
    return Back()


def _hangup(reader: Reader, part: Part | None, raw: dict[str, Any], path: Path) -> Action:
    return HangUp()


def _say(reader: Reader, part: Part | None, raw: dict[str, Any], path: Path) -> Action:
    text = reader.text_in(raw, "say", path)
    return SayText(text, action_in(reader, raw, "then", path, HangUp()))


def _collect(reader: Reader, part: Part | None, raw: dict[str, Any], path: Path) -> Action:
    say = reader.text_in(raw, "say", path)
    invalid = reader.text_in(raw, "invalid", path, "typed_wrong")
    then = action_in(reader, raw, "then", path, HangUp())
    failure = action_in(reader, raw, "failure", path, to_person(reader))
    least, most = _digit_count(reader, raw, path)
    if not isinstance(part, CollectAction):
        return HangUp()
    if part.collect.lower() in SECRET_FIELDS:
        sentence = f"of what is typed as '{part.collect}' nothing is kept but a card's last digits"
        hint = "; who is to be recognised by it is asked by the action 'pin'"
        reader.warn((*path, "collect"), f"{sentence}{hint}")
    return Collect(
        part.collect,
        say,
        then,
        failure,
        invalid,
        min_digits=least,
        max_digits=most,
        tries=part.tries,
        timeout_s=part.timeout_s,
    )


def _digit_count(reader: Reader, raw: dict[str, Any], path: Path) -> tuple[int, int]:
    given = raw.get("digits")
    if given is None:
        return (1, 12)
    pair = given if isinstance(given, list) else [given, given]
    whole = [one for one in pair if isinstance(one, int) and not isinstance(one, bool)]
    if len(whole) == len(pair) == 2 and 1 <= whole[0] <= whole[1] <= MAX_TYPED:
        return (whole[0], whole[1])
    sentence = f"'digits' is a number from 1 to {MAX_TYPED}, or the least and the most: [4, 10]"
    reader.report((*path, "digits"), sentence)
    return (1, 12)


def _pin(reader: Reader, part: Part | None, raw: dict[str, Any], path: Path) -> Action:
    return CheckPin(
        reader.text_in(raw, "pin", path),
        action_in(reader, raw, "then", path, HangUp()),
        action_in(reader, raw, "failure", path, to_person(reader)),
        reader.text_in(raw, "invalid", path, "pin_wrong"),
        tries=part.tries if isinstance(part, PinAction) else 3,
    )


def _record(reader: Reader, part: Part | None, raw: dict[str, Any], path: Path) -> Action:
    say = reader.text_in(raw, "say", path, "after_the_tone")
    then = action_in(reader, raw, "then", path, goodbye(reader))
    if not isinstance(part, RecordAction):
        return HangUp()
    queue = part.queue
    if part.record == "message" and queue is None:
        queue = reader.found.around.default_queue
    return Record(part.record, say, then, queue, part.max_s)


def _voicemail(reader: Reader, part: Part | None, raw: dict[str, Any], path: Path) -> Action:
    mailbox = _mailbox(raw.get("voicemail"))
    number, _, context = mailbox.partition("@") if isinstance(mailbox, str) else ("", "", "")
    is_good = number.isascii() and number.isdigit() and len(number) <= 20
    if "@" in str(mailbox):
        is_good = is_good and all(c.isalnum() or c in "_-" for c in context) and bool(context)
    if not is_good:
        sentence = f"'voicemail' is a mailbox like 100 or 100@sales, not {as_said(mailbox)}"
        reader.report((*path, "voicemail"), sentence)
    return ToVoicemail(str(mailbox))


def _transfer(reader: Reader, part: Part | None, raw: dict[str, Any], path: Path) -> Action:
    if not isinstance(part, TransferAction):
        return HangUp()
    targets = reader.found.around.transfer_targets
    if part.transfer not in targets:
        hint = did_you_mean(part.transfer, targets)
        why = hint or "; the settings' rulebook.transfer_targets lists what is"
        sentence = f"calls may not be transferred to '{part.transfer}'{why}"
        reader.report((*path, "transfer"), sentence)
    return ToTarget(part.transfer)


def _callback(reader: Reader, part: Part | None, raw: dict[str, Any], path: Path) -> Action:
    say = reader.text_in(raw, "say", path, "callback_ask")
    then = action_in(reader, raw, "then", path, goodbye(reader))
    queue = part.callback if isinstance(part, CallbackAction) else None
    otherwise: Action = ToQueue(queue) if queue else to_person(reader)
    otherwise = action_in(reader, raw, "otherwise", path, to_person(reader))
    return AskCallback(queue, say, then, otherwise) if queue else HangUp()


def _webhook(reader: Reader, part: Part | None, raw: dict[str, Any], path: Path) -> Action:
    then = action_in(reader, raw, "then", path, HangUp())
    failure = action_in(reader, raw, "failure", path, to_person(reader))
    if not isinstance(part, WebhookAction):
        return HangUp()
    reader.known("webhooks", part.webhook, (*path, "webhook"), "webhook")
    return AskWebhook(part.webhook, then, failure)


_Read = Callable[[Reader, Part | None, dict[str, Any], Path], Action]
_READERS: dict[str, _Read] = {
    "queue": _queue,
    "menu": _menu,
    "back": _back,
    "hangup": _hangup,
    "say": _say,
    "collect": _collect,
    "pin": _pin,
    "record": _record,
    "voicemail": _voicemail,
    "transfer": _transfer,
    "callback": _callback,
    "webhook": _webhook,
}

"""What a caller left with us by key and by voice, as it stands in the call's row. Pure."""

from __future__ import annotations

from typing import Any

from calls import events
from calls.call import CallOutcome
from calls.offers import OfferAnswer, OfferPlace
from calls.records import KeptRecording, OfferGiven
from storage.storable import storable

#: Of each kind in one call; a dialog asks for a few.
_MOST = 20
_LONGEST_FIELD, _LONGEST_DIGITS = 40, 40

#: Outcomes of which the wish to be called back, or where the call went, says more.
_UNANSWERED = (
    CallOutcome.ABANDONED_IN_MENU.value,
    CallOutcome.ABANDONED_IN_QUEUE.value,
    CallOutcome.NOT_ANSWERED.value,
    CallOutcome.VOICEMAIL.value,
    CallOutcome.TRANSFERRED.value,
)
_ROUTED = {
    "voicemail": CallOutcome.VOICEMAIL.value,
    "transfer": CallOutcome.TRANSFERRED.value,
}

#: How much each answer to an offer says.
_SAYS = {answer: step for step, answer in enumerate(OfferAnswer)}

Row = dict[str, Any]


def with_field(
    typed: dict[str, str] | None, event: events.FieldCollected, *, again: bool
) -> dict[str, str] | None:
    """`again`: whether what was typed later for the same field counts."""
    field = storable(event.field, _LONGEST_FIELD)
    known = typed or {}
    full = field not in known and len(known) >= _MOST
    if full or (field in known and not again):
        return typed
    return known | {field: storable(event.digits, _LONGEST_DIGITS)}


def with_recording(recordings: list[Row] | None, event: events.MessageRecorded) -> list[Row] | None:
    known = recordings or []
    name = storable(event.recording, 120)
    if len(known) >= _MOST or any(each["name"] == name for each in known):
        return recordings
    one = {
        "at": event.at.isoformat(),
        "what": storable(event.what, 20),
        "name": name,
        "seconds": round(event.seconds, 1),
        "queue": event.queue and storable(event.queue, 80),
    }
    return [*known, one]


def callback(event: events.CallbackRequested) -> Row:
    return {
        "at": event.at.isoformat(),
        "number": storable(event.number, 20),
        "queue": storable(event.queue, 80),
        "position": event.position,
    }


def routed(event: events.CallRouted) -> Row:
    return {
        "kind": storable(event.kind, 20),
        "target": event.target and storable(event.target, 120),
    }


def with_offer(offers: list[Row] | None, event: events.OfferMet) -> list[Row] | None:
    """An answer that says less than the one before changes nothing."""
    name, place = storable(event.offer, 80), event.place.value
    known = offers or []
    for index, one in enumerate(known):
        if (one["offer"], one["place"]) == (name, place):
            if _SAYS[event.answer] <= _SAYS[OfferAnswer(one["answer"])]:
                return offers
            return [*known[:index], one | {"answer": event.answer.value}, *known[index + 1 :]]
    if len(known) >= _MOST:
        return offers
    return [*known, {"offer": name, "place": place, "answer": event.answer.value}]


def with_answer(offers: list[Row] | None, event: events.OfferAnswered) -> list[Row] | None:
    """An agent's word stands beside what was met in the menu; their later word replaces it, an
    older or the same one changes nothing."""
    name, place = storable(event.offer, 80), OfferPlace.AGENT.value
    known = offers or []
    said = {"answer": event.answer.value, "reason": storable(event.reason, 200)}
    at = event.at.isoformat()
    for index, one in enumerate(known):
        if (one["offer"], one["place"]) == (name, place):
            if at < one.get("at", "") or said.items() <= one.items():
                return offers
            changed = one | said | {"at": at, "times": one.get("times", 0) + 1}
            return [*known[:index], changed, *known[index + 1 :]]
    if len(known) >= _MOST:
        return offers
    return [*known, {"offer": name, "place": place, **said, "at": at, "times": 1}]


def weight_of_offers(offers: list[Row] | None) -> int:
    """Grows with everything that is heard of them, and with each change of an agent's mind."""
    return sum(
        1 + _SAYS[OfferAnswer(one["answer"])] + len(_SAYS) * one.get("times", 0)
        for one in offers or ()
    )


def offers_given(offers: list[Row] | None) -> tuple[OfferGiven, ...]:
    """Of a row's `offers`."""
    return tuple(
        OfferGiven(
            one["offer"],
            OfferPlace(one["place"]),
            OfferAnswer(one["answer"]),
            one.get("reason", ""),
        )
        for one in offers or ()
    )


def refined(outcome: str, *, callback: Row | None, routed: Row | None) -> str:
    """Whoever saw the call end may not have seen why."""
    if outcome not in _UNANSWERED:
        return outcome
    if callback is not None:
        return CallOutcome.CALLBACK.value
    return _ROUTED.get(routed["kind"], outcome) if routed is not None else outcome


def kept_recordings(recordings: list[Row] | None) -> tuple[KeptRecording, ...]:
    """Of a row's `recordings`."""
    return tuple(
        KeptRecording(one["what"], one["name"], one["seconds"]) for one in recordings or ()
    )


def route_taken(routed: Row | None) -> tuple[str, str | None] | None:
    """Of a row's `routed`."""
    return (routed["kind"], routed["target"]) if routed else None

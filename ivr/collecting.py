"""Digits into a named field; of a field that names somebody, the caller is looked up by it."""

from __future__ import annotations

from calls.card_numbers import MASK, is_card, without_cards
from calls.events import FieldCollected
from config.actions import IDENTIFYING_FIELDS, Collect
from ivr.conversation import PERSON, PERSON_KEY, Conversation, Next


async def collect(step: Collect, talk: Conversation) -> Next:
    """`failure` after `tries` entries that cannot be used, or where the question cannot be
    spoken; of a secret, also where the line may be recorded."""
    if not step.is_secret:
        return await _collect(step, talk)
    async with talk.quiet.secret(talk.voice) as is_quiet:
        return await _collect(step, talk) if is_quiet else step.failure


async def _collect(step: Collect, talk: Conversation) -> Next:
    for _ in range(step.tries):
        question = await talk.voice.question(talk.course.plan.say(step.say))
        if question is None:
            return step.failure
        digits = await talk.voice.number(
            question,
            max_digits=step.max_digits,
            timeout_s=step.timeout_s,
            secret=step.is_secret,
        )
        if digits == PERSON_KEY:
            return PERSON
        if await _taken(step, digits, talk):
            return step.then
        await talk.voice.lead_in(_what_went_wrong(step, digits, talk))
    return step.failure


async def _taken(step: Collect, digits: str, talk: Conversation) -> bool:
    if not (step.min_digits <= len(digits) <= step.max_digits and digits.isdecimal()):
        return False
    names_somebody = step.field in IDENTIFYING_FIELDS
    kept = digits if names_somebody else _kept(step, digits)
    if not await talk.voice.during(talk.course.typed(step.field, kept)):
        return False
    if names_somebody:
        await talk.voice.use_language(talk.course.plan.decision.language)
    talk.bus.publish(FieldCollected(talk.call_id, talk.now(), field=step.field, digits=kept))
    return True


def _kept(step: Collect, digits: str) -> str:
    """Of a secret that is no card's number, only that it was typed."""
    if is_card(digits):
        return without_cards(digits)
    return MASK if step.is_secret else digits


def _what_went_wrong(step: Collect, digits: str, talk: Conversation) -> str:
    plan = talk.course.plan
    if not digits:
        return plan.stock("nothing_pressed")
    return plan.say(step.invalid) or plan.stock("not_understood")

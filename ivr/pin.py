"""The caller proves who they are. The digits are passed on once, and are kept and recorded
nowhere."""

from __future__ import annotations

from config.actions import CheckPin
from ivr.conversation import PERSON, PERSON_KEY, Conversation, Next

#: As long as any PIN; a shorter one ends by `#` or after the time.
MAX_DIGITS = 12


async def check_pin(step: CheckPin, talk: Conversation) -> Next:
    """`failure` at once where nobody is identified: there is nothing to check against; and where
    the line may be recorded."""
    if not talk.course.is_identified:
        return step.failure
    async with talk.quiet.secret(talk.voice) as is_quiet:
        return await _check(step, talk) if is_quiet else step.failure


async def _check(step: CheckPin, talk: Conversation) -> Next:
    for _ in range(step.tries):
        question = await talk.voice.question(talk.course.plan.say(step.say))
        if question is None:
            return step.failure
        pin = await talk.voice.number(
            question, max_digits=MAX_DIGITS, timeout_s=step.timeout_s, secret=True
        )
        if pin == PERSON_KEY:
            return PERSON
        if pin.isdecimal() and await talk.voice.during(talk.course.check_pin(pin)):
            return step.then
        plan = talk.course.plan
        wrong = plan.say(step.invalid) or plan.stock("not_understood")
        await talk.voice.lead_in(wrong if pin else plan.stock("nothing_pressed"))
    return step.failure

"""The caller asks to be called back, at the number they call from and no other."""

from __future__ import annotations

from calls.events import CallbackRequested
from config import spoken_digits
from config.actions import AskCallback
from ivr.conversation import PERSON, PERSON_KEY, Conversation, Next

YES_KEY = "1"
ANSWER_S = 5.0


async def ask_callback(step: AskCallback, talk: Conversation) -> Next:
    """Reads the number back digit by digit. `otherwise` after any key but `1`, none, or where the
    number cannot be called or not be spoken: nobody agrees to what they did not hear."""
    number = talk.course.callable_number
    text = talk.course.plan.say(step.say)
    if number is None or text is None:
        return step.otherwise
    spoken = spoken_digits.digits(number, talk.voice.language)
    parts = await talk.voice.rendered(text, spoken, talk.course.plan.stock("callback_yes"))
    if not all(parts):
        return step.otherwise
    key, _ = await talk.voice.key([tuple(url for part in parts for url in part)], ANSWER_S)
    if key == PERSON_KEY:
        return PERSON
    if key != YES_KEY:
        return step.otherwise
    talk.bus.publish(
        CallbackRequested(
            talk.call_id,
            talk.now(),
            number=number,
            queue=step.queue,
            position=talk.position_given_up,
        )
    )
    return step.then

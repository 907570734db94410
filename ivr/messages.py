"""What a caller leaves with their voice: a message, or a name."""

from __future__ import annotations

import re

from calls.events import MessageRecorded
from config.actions import Record
from ivr.conversation import PERSON, PERSON_KEY, Conversation, Next
from ivr.voice import GAP_S

#: Less than this says nothing.
SHORTEST_S = 1.0
_MAX_NAME = 80


async def record(step: Record, talk: Conversation, number: int) -> Next:
    """A key during the instruction goes straight to the beep, `0` to a person. While it is
    recorded only `#` counts. Who cannot leave a message is put through to a person; of a name,
    nothing depends on it. `number` counts the recordings of the dialog."""
    text = talk.course.plan.say(step.say)
    [sounds] = await talk.voice.rendered(text or "")
    key, _ = await talk.voice.key([sounds], GAP_S)
    if key == PERSON_KEY:
        return PERSON
    name = recording_name(talk, step.what, number)
    recorded = await talk.voice.record(name, max_s=step.max_s, silence_s=step.silence_s)
    if recorded.seconds >= SHORTEST_S:
        # Told at once: most people end a message by ringing off.
        talk.bus.publish(
            MessageRecorded(
                talk.call_id,
                talk.now(),
                what=step.what,
                recording=recorded.name,
                seconds=recorded.seconds,
                queue=step.queue,
            )
        )
    elif step.what == "message" and not recorded.seconds:
        return PERSON
    return step.then


def recording_name(talk: Conversation, what: str, number: int) -> str:
    """Unique among all dialogs of all calls of all Asterisks, and fit to be a file's name."""
    name = f"{what}-{talk.call_id.system}-{talk.call_id.linkedid}-{talk.token}-{number}"
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)[-_MAX_NAME:].lstrip(".")

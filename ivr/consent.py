"""Whether the whole call is recorded, asked before anything else is: what the caller says to it is
kept with its time, whether they agree or not."""

from __future__ import annotations

import logging

from calls.decision import CallRecording
from calls.events import MessageRecorded
from calls.ports import CallChannel
from config.rulebook import RecordCalls
from ivr.conversation import PERSON_KEY, Conversation
from ivr.messages import recording_name

log = logging.getLogger(__name__)

AGREE, REFUSE = "1", "2"
#: A key that is neither, or silence, has the question asked once more.
_TRIES = 2
#: What Asterisk's file is called after; `privacy.voices` knows it by this.
WHAT = "call"


async def record_call(wish: RecordCalls, talk: Conversation, channel: CallChannel) -> None:
    """What was typed ahead answers what is asked after this: nobody agrees before they are
    asked. Who does not agree is recorded by nobody, the PBX included."""
    answer = "not_asked"
    if wish.consent != "none":
        ahead = await talk.voice.set_aside()
        answer = await (_ask if wish.consent == "ask" else _announce)(wish, talk, channel)
        talk.voice.keep(ahead)
    name = None
    if answer in ("refused", "silent", "not_heard"):
        if not await channel.stop_recordings():
            log.error("call %s: maybe it is recorded, and its caller did not agree", talk.call_id)
    else:
        wanted = recording_name(talk, WHAT, 1)
        name = wanted if await channel.start_recording(wanted) else None
    talk.course.call_recorded(CallRecording(answer, talk.now(), name))
    if name is not None:
        talk.bus.publish(MessageRecorded(talk.call_id, talk.now(), WHAT, name, seconds=0.0))


async def _ask(wish: RecordCalls, talk: Conversation, channel: CallChannel) -> str:
    answer = "silent"
    for _ in range(_TRIES):
        [question] = await talk.voice.rendered(talk.course.plan.stock("record_ask"))
        if not question:
            return "not_heard"
        key, _ = await talk.voice.key([question], wish.timeout_s)
        if key == AGREE:
            return "agreed"
        if key == REFUSE:
            await talk.voice.lead_in(talk.course.plan.stock("record_refused"))
            return "refused"
        if key:
            answer = "refused"
        if key == PERSON_KEY:
            talk.voice.keep(key)
            break
    if answer == "silent" and wish.silence_agrees:
        return "agreed_by_silence"
    return answer


async def _announce(wish: RecordCalls, talk: Conversation, channel: CallChannel) -> str:
    """To its end, whatever is pressed meanwhile."""
    [announcement] = await talk.voice.rendered(talk.course.plan.stock("record_announce"))
    if not announcement:
        return "not_heard"
    await channel.play(announcement)
    return "announced"

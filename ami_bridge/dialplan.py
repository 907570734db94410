"""Names the dialplan and we agree on; the other half is `deploy/asterisk/`."""

from __future__ import annotations

import re

#: `agi://HOST:PORT/inbound`: a call that arrives.
SCRIPT_INBOUND = "inbound"
#: A caller who left the queue by the key that was offered.
SCRIPT_WITHDRAWN = "withdrawn"
#: `agi://HOST:PORT/inbound?system=NAME`: which Asterisk asks, where we answer several.
ASKED_BY = "system"
#: HOST:PORT of the server asked last, where there are several: whose caller it is.
SWB_ASKED = "SWB_ASKED"

#: Where callers are while they are with us, whatever application runs on them (AGI, or one that we
#: began by EXEC), and its extension that takes them back: it lifts the backstop, then the fallback.
CONTEXT_DIALOG = "switchboard-dialog"
TAKEN_BACK = "T"

#: Where the call goes after us; one of the routes below.
SWB_ROUTE = "SWB_ROUTE"
ROUTE_QUEUE = "queue"
ROUTE_VOICEMAIL = "voicemail"
ROUTE_TARGET = "target"
ROUTE_HANGUP = "hangup"

SWB_QUEUE = "SWB_QUEUE"
#: Seconds in the queue before the dialplan goes on.
SWB_QUEUE_TIMEOUT = "SWB_QUEUE_TIMEOUT"
#: The login of the agent who alone is rung first, and for how many seconds.
SWB_PREFER = "SWB_PREFER"
SWB_PREFER_S = "SWB_PREFER_S"
SWB_POSITION = "SWB_POSITION"
#: Become QUEUE_MIN_PENALTY and QUEUE_MAX_PENALTY once nobody is preferred any more.
SWB_MIN_PENALTY = "SWB_MIN_PENALTY"
SWB_MAX_PENALTY = "SWB_MAX_PENALTY"
SWB_MAILBOX = "SWB_MAILBOX"
SWB_TARGET = "SWB_TARGET"
#: Set to 1 by our very last command. Without it the dialplan takes its fallback: AGISTATUS says
#: SUCCESS also after a server that died in the middle.
SWB_DONE = "SWB_DONE"

#: Read by `Queue()` itself (app_queue.c).
QUEUE_PRIO = "QUEUE_PRIO"
#: The backstop against a frozen server; 0 lifts it (func_timeout.c).
TIMEOUT_ABSOLUTE = "TIMEOUT(absolute)"
#: What the dialplan itself sets it to before it calls us, in seconds.
FIRST_BACKSTOP_S = 20.0
CHANNEL_LANGUAGE = "CHANNEL(language)"
CHANNEL_MUSICCLASS = "CHANNEL(musicclass)"

#: Parts a queue and the agent tried first in the name of the realtime queue that does it
#: (`sales~anna`, see `queue_routes`); no queue of anybody's own may hold it.
TRIES = "~"

#: Applications of app_mixmonitor.c.
APP_RECORD = "MixMonitor"
APP_STOP_RECORDING = "StopMixMonitor"

QUEUE_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
LOGIN = re.compile(r"[A-Za-z0-9_.@+-]{1,40}")
#: BOX or BOX@CONTEXT; `&` would name several, a comma begin the options.
MAILBOX = re.compile(r"[A-Za-z0-9_-]{1,40}(?:@[A-Za-z0-9_-]{1,40})?")
TARGET = re.compile(r"[A-Za-z0-9_*#+-]{1,40}")
#: A file's name without ending, hidden ones left out.
RECORDING = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,79}")
#: Absolute; no part of it is made of dots alone.
FOLDER = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9_.-]{1,80}){1,12}")
#: Asterisk cuts a music class name at 79 bytes (MAX_MUSICCLASS, channel.h).
MUSIC_CLASS = re.compile(r"[A-Za-z0-9_.-]{1,79}")
LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:[_-][A-Za-z0-9]{1,8})*")
KEY = re.compile(r"[0-9*#]")
LINKEDID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def real_queue(queue: str) -> str:
    """The queue the caller was sent to, also while one agent is tried first."""
    return queue.partition(TRIES)[0]

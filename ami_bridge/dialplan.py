"""Names the dialplan and we agree on; the other half is `deploy/asterisk/`."""

from __future__ import annotations

import re

#: `agi://HOST:PORT/inbound`: the one script we serve.
SCRIPT_INBOUND = "inbound"

#: Where the call goes after us; one of the two routes below.
SWB_ROUTE = "SWB_ROUTE"
ROUTE_QUEUE = "queue"
ROUTE_HANGUP = "hangup"

SWB_QUEUE = "SWB_QUEUE"
#: Seconds in the queue before the dialplan goes on.
SWB_QUEUE_TIMEOUT = "SWB_QUEUE_TIMEOUT"
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

QUEUE_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
#: Asterisk cuts a music class name at 79 bytes (MAX_MUSICCLASS, channel.h).
MUSIC_CLASS = re.compile(r"[A-Za-z0-9_.-]{1,79}")
LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:[_-][A-Za-z0-9]{1,8})*")
LINKEDID = re.compile(r"[A-Za-z0-9_.-]{1,64}")

"""Where the dialplan takes the caller after us, as the variables it reads; checked by pattern."""

from __future__ import annotations

import re

from ami_bridge import dialplan
from ami_bridge.agi_protocol import UnsafeCommand
from calls.ports import QueueRequest

Variables = list[tuple[str, str]]
_MOST_PENALTY = 1_000_000


def queue(request: QueueRequest) -> Variables:
    """Raises UnsafeCommand for what has no place in a dialplan."""
    variables = [
        (dialplan.SWB_QUEUE, checked(dialplan.QUEUE_NAME, request.queue, "queue")),
        (dialplan.SWB_QUEUE_TIMEOUT, str(max(1, request.timeout_s))),
        (dialplan.QUEUE_PRIO, str(request.priority)),
    ]
    for name, penalty in (
        (dialplan.SWB_MIN_PENALTY, request.min_penalty),
        (dialplan.SWB_MAX_PENALTY, request.max_penalty),
    ):
        if penalty is not None:
            variables.append((name, str(min(max(penalty, 0), _MOST_PENALTY))))
    if request.prefer is not None and request.prefer_s > 0:
        login = checked(dialplan.LOGIN, request.prefer, "login")
        variables.append((dialplan.SWB_PREFER, login))
        variables.append((dialplan.SWB_PREFER_S, str(request.prefer_s)))
    if request.position is not None:
        variables.append((dialplan.SWB_POSITION, str(max(1, request.position))))
    if request.hold_class is not None:
        music = checked(dialplan.MUSIC_CLASS, request.hold_class, "hold class")
        variables.append((dialplan.CHANNEL_MUSICCLASS, music))
    return [*variables, (dialplan.SWB_ROUTE, dialplan.ROUTE_QUEUE)]


def voicemail(mailbox: str) -> Variables:
    """Raises UnsafeCommand."""
    return [
        (dialplan.SWB_MAILBOX, checked(dialplan.MAILBOX, mailbox, "mailbox")),
        (dialplan.SWB_ROUTE, dialplan.ROUTE_VOICEMAIL),
    ]


def target(name: str) -> Variables:
    """Raises UnsafeCommand."""
    return [
        (dialplan.SWB_TARGET, checked(dialplan.TARGET, name, "target")),
        (dialplan.SWB_ROUTE, dialplan.ROUTE_TARGET),
    ]


def hangup() -> Variables:
    return [(dialplan.SWB_ROUTE, dialplan.ROUTE_HANGUP)]


def checked(allowed: re.Pattern[str], value: str, what: str) -> str:
    """`value`. Raises UnsafeCommand, which does not repeat it."""
    if not allowed.fullmatch(value):
        raise UnsafeCommand(f"not a {what} for the dialplan")
    return value

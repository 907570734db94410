"""Places where the process can be told to die at once, to prove that nothing hangs on its life.

`SWITCHBOARD_CRASH_AT=outbox.before_settle` in the environment kills it (SIGKILL: nothing is tidied
up) the first time it comes there, `outbox.before_settle:7` the seventh time. For tests alone.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping

from calls.errors import Misconfigured

VARIABLE = "SWITCHBOARD_CRASH_AT"

#: In the order in which a call comes by, from Asterisk's connection to its hang-up.
CALL_POINTS = (
    "agi.accepted",
    "agi.requested",
    "identify.asked",
    "identify.kept",
    "identify.answered",
    "dialog.decided",
    "agi.command_due",
    "agi.command_sent",
    "agi.done_due",
    "agi.done_said",
    "ami.event_applied",
    "pop.sent",
    "pop.before_commit",
    "pop.stored",
    "pop.acked",
    "ami.hangup_applied",
)
#: In the order in which a call's record, its lead and its task come by.
POINTS = (
    "journal.before_commit",
    "journal.after_commit",
    "recorder.event_noted",
    "recorder.lead_claimed",
    "recorder.task_claimed",
    "recorder.before_commit",
    "recorder.after_commit",
    "recorder.before_wake",
    "outbox.before_claim",
    "outbox.after_claim",
    "outbox.before_send",
    "crm.lead_before_commit",
    "crm.call_before_commit",
    "crm.task_before_commit",
    "crm.after_commit",
    "outbox.before_settle",
    "outbox.lead_marked",
    "outbox.settle_before_commit",
    "outbox.after_settle",
    "outbox.after_tell",
)
#: As a database is brought to a newer shape.
MIGRATION_POINTS = ("migration.revision_made", "migration.before_commit", "migration.after_commit")
#: In the order in which `switchboard backup` and `switchboard restore` come by.
BACKUP_POINTS = (
    "backup.copied",
    "backup.packed",
    "backup.named",
    "restore.unpacked",
    "restore.prepared",
    "restore.place_moved",
    "restore.places_moved",
    "restore.done",
)
#: In the order in which `switchboard privacy erase` comes by.
ERASURE_POINTS = ("privacy.files_gone", "privacy.rows_gone")


def armed(environ: Mapping[str, str]) -> dict[str, int]:
    """By point: the how-manieth time is the last. Raises Misconfigured."""
    wanted = environ.get(VARIABLE, "")
    if not wanted:
        return {}
    point, colon, times = wanted.partition(":")
    known = CALL_POINTS + POINTS + MIGRATION_POINTS + BACKUP_POINTS + ERASURE_POINTS
    if point not in known:
        raise Misconfigured(f"{VARIABLE}: there is no {point!r}; one of {', '.join(known)}")
    if colon and not (times.isascii() and times.isdigit() and int(times) > 0):
        raise Misconfigured(f"{VARIABLE}: write {point}, or {point}:7 for the seventh time")
    return {point: int(times or 1)}


def check() -> None:
    """Raises Misconfigured where the environment names no point. To be called at the start."""
    armed(os.environ)


def _armed_or_not() -> dict[str, int]:
    """An import raises nothing; `check` says what is wrong."""
    try:
        return armed(os.environ)
    except Misconfigured:
        return {}


_left = _armed_or_not()


def reached(point: str) -> None:
    """Costs a look into an empty dictionary, as long as nobody wants us dead."""
    if point not in _left:
        return
    _left[point] -= 1
    if _left[point] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
        while True:  # another thread may have taken the signal; this one does nothing more
            time.sleep(1)

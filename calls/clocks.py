"""The time of day, and how long something lasts: two things, as the first may be set anew."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def steady() -> Clock:
    """Right as it begins, and even from then on, whatever the machine's clock is set to: what is
    told of one call lies as far apart as it was."""
    begun, since_s = utc_now(), time.monotonic()

    def now() -> datetime:
        return begun + timedelta(seconds=time.monotonic() - since_s)

    return now

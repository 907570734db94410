"""What we made and a CRM's search does not find yet."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

#: How long what we made may be missing in a search, and how many we remember.
_UNSEEN = timedelta(minutes=1)
_MOST_UNSEEN = 500


class JustMade:
    """The leads that we made in the last minute, by their number: where a CRM's search finds new
    records only seconds later, we know them all the same."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._made: dict[str, tuple[str, datetime]] = {}

    def add(self, number: str, record_id: str) -> None:
        if len(self._made) >= _MOST_UNSEEN:
            self._made.pop(next(iter(self._made)))
        self._made[number] = (record_id, self._now())

    def of(self, number: str) -> str | None:
        record_id, made_at = self._made.get(number, ("", self._now() - _UNSEEN))
        return record_id if made_at > self._now() - _UNSEEN else None

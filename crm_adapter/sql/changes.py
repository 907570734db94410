"""Which contacts changed since when, in the order of their times and ids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crm_adapter.adapter import Invalid

#: A transaction may be seen later than it says: so much of the past is told again.
OVERLAP = timedelta(seconds=2)

_KINDS: dict[str, Callable[[str], Any]] = {
    "t": datetime.fromisoformat,
    "i": int,
    "s": str,
    "n": lambda _: None,
}


@dataclass(frozen=True, slots=True)
class Cursor:
    """`since` is what the column held; `after` the last id at that very time, None where rows of
    that time are to be told again."""

    since: Any = None
    after: str | None = None

    @classmethod
    def read(cls, text: str | None) -> Cursor:
        if text is None:
            return cls()
        kind, bar, rest = text.partition("|")
        value, bar_too, after = rest.partition("|")
        try:
            since = _KINDS[kind](value)
        except (ValueError, KeyError) as error:
            raise Invalid("the cursor is not one of ours", field="cursor") from error
        if not bar or not bar_too:
            raise Invalid("the cursor is not one of ours", field="cursor")
        return cls(since, after[1:] if after.startswith("=") else None)

    def __str__(self) -> str:
        after = "" if self.after is None else f"={self.after}"
        if isinstance(self.since, datetime):
            return f"t|{self.since.isoformat()}|{after}"
        if self.since is None:
            return f"n||{after}"
        kind = "i" if isinstance(self.since, int) else "s"
        return f"{kind}|{self.since}|{after}"

    def following(self, last: tuple[Any, str] | None, *, more: bool) -> Cursor:
        """`last` is the time and id of the last row told."""
        if last is None:
            return self
        at, contact = last
        if more:
            return Cursor(at, contact)
        earlier = self._earlier(at)
        # Never back: what is told again and again would be all that is told.
        if self.since is not None and type(earlier) is type(self.since) and earlier < self.since:
            return self
        return Cursor(earlier, None)

    def _earlier(self, at: Any) -> Any:
        if isinstance(at, datetime):
            return at - OVERLAP
        if isinstance(at, int):
            return at - int(OVERLAP.total_seconds())
        return _earlier_text(at)


def _earlier_text(at: Any) -> Any:
    """A time in text keeps its spelling, so that it can be compared with its like."""
    text = str(at)
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return text
    spelled = (parsed - OVERLAP).isoformat(sep=text[10:11] or " ")
    # `2026-03-02 09:30:00` is less than the same with `.000000` or `+00:00`: cut alike.
    return spelled[: len(text)] if len(text) <= len(spelled) else spelled

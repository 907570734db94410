"""A clock that only moves when it is told to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Callable: gives an aware UTC time."""

    def __init__(self, at: datetime | None = None) -> None:
        self.at = at or datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **duration: float) -> datetime:
        """Keyword arguments of `timedelta`."""
        self.at += timedelta(**duration)
        return self.at

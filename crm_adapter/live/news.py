"""What makes remembered answers wrong, to be told to other processes."""

from __future__ import annotations

from dataclasses import dataclass

from calls.caller import ContactRef


@dataclass(frozen=True, slots=True)
class News:
    """Of one number (E.164) or one contact; neither: of anybody."""

    number: str | None = None
    contact: ContactRef | None = None


EVERYTHING = News()

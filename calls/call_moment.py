"""When, on which number and from where a call comes: all that is known of a stranger's wishes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class CallMoment:
    """`arrived_at` is aware, by the clock of the number dialled (`config.call_moments`). `dialled`
    and `area` are empty where they are not known; `area` is the country and area code of the
    caller's number (`config.number_area`), never more of it."""

    arrived_at: datetime
    dialled: str = ""
    area: str = ""

"""What numbers outside have cost the house today, by what the administrator says a minute costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from config.dialling_settings import DiallingSettings

#: A call whose end nobody told us counts as one that goes on for so long.
LONGEST_HELD_S = 4 * 3600.0
#: And one that went on where nobody could see its end, for so long from then on.
UNSEEN_S = 3600.0


@dataclass(slots=True)
class _Counted:
    """A call, in seconds; `price` is a second's."""

    price: float
    began: float
    least_s: float
    most_s: float = LONGEST_HELD_S
    #: What it had cost when the day began.
    before: float = 0.0

    def cost(self, now: float) -> float:
        return self.price * max(self.least_s, min(now - self.began, self.most_s)) - self.before


class DayCost:
    """Of all agents together. A call counts from the moment it is dialled, ringing included, and
    as `least_minutes` at once; so an invoice says less. `local_now` is the house's clock on the
    wall, at whose midnight the count begins anew; `monotonic` counts seconds."""

    def __init__(
        self,
        settings: DiallingSettings,
        *,
        local_now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prices = settings.prices
        self._dearest = max(settings.prices.values(), default=0.0)
        self._limit = settings.day_cost
        self._least_s = settings.least_minutes * 60
        self._local_now = local_now
        self._monotonic = monotonic
        self._day = local_now().date()
        #: Of calls that are over.
        self._over = 0.0
        self._calls: dict[str, _Counted] = {}

    def today(self) -> float:
        """So far, with the calls under way."""
        now = self._turn_the_page()
        # Digits of floats that are none of the price's.
        return round(self._over + sum(call.cost(now) for call in self._calls.values()), 6)

    def counted(self) -> tuple[date, float]:
        cost = self.today()
        return self._day, cost

    def restore(self, day: date, cost: float) -> None:
        """What an earlier process counted; another day's is over."""
        self._turn_the_page()
        if day == self._day:
            self._over += cost

    def allows(self, numbers: Iterable[str]) -> bool:
        """`numbers`: what the PBX may dial, in E.164; the dearest counts."""
        if self._limit is None:
            return True
        return round(self.today() + self._price(numbers) * self._least_s, 6) <= self._limit

    def began(self, key: str, numbers: Iterable[str]) -> None:
        self.ended(key)
        now = self._turn_the_page()
        self._calls[key] = _Counted(self._price(numbers), now, self._least_s)

    def ended(self, key: str) -> None:
        now = self._turn_the_page()
        if call := self._calls.pop(key, None):
            call.least_s, call.most_s = self._least_s, LONGEST_HELD_S
            self._over += call.cost(now)

    def not_begun(self, key: str) -> None:
        self._calls.pop(key, None)

    def unseen(self, key: str) -> None:
        """It goes on, and nobody will tell us how long."""
        if call := self._calls.get(key):
            call.least_s = call.most_s = self._monotonic() - call.began + UNSEEN_S

    def _price(self, numbers: Iterable[str]) -> float:
        """Of a second."""
        return max((self._of_minute(number) for number in numbers), default=self._dearest) / 60

    def _of_minute(self, number: str) -> float:
        beginnings = [one for one in self._prices if number.startswith(one)]
        return self._prices[max(beginnings, key=len)] if beginnings else self._dearest

    def _turn_the_page(self) -> float:
        """Now; what is over by now no longer stands among the calls."""
        now, wall = self._monotonic(), self._local_now()
        if wall.date() != self._day:
            self._day, self._over = wall.date(), 0.0
            midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
            for call in self._calls.values():
                call.before += call.cost(now - (wall - midnight).total_seconds())
        for key in [key for key, call in self._calls.items() if now - call.began >= call.most_s]:
            self._over += self._calls.pop(key).cost(now)
        return now

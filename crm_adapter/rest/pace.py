"""At most so many requests in so many seconds, counted over a sliding window."""

from __future__ import annotations

import asyncio
from collections import deque

from calls.deadlines import Deadline
from crm_adapter.adapter import RateLimited


class Pace:
    """`take` waits for room. `rate` as in a mapping: 10/2s; None: no limit."""

    def __init__(self, rate: str | None, *, crm: str) -> None:
        self._crm = crm
        self._most, self._window_s = 0, 0.0
        if rate is not None:
            most, _, window = rate.partition("/")
            self._most, self._window_s = int(most), float(window.removesuffix("s"))
        self._taken: deque[float] = deque()

    async def take(self, deadline: Deadline) -> None:
        """Raises RateLimited where there is no room before the deadline: at once, since waiting
        would not help."""
        if not self._most:
            return
        now = asyncio.get_running_loop().time()
        while self._taken and self._taken[0] <= now - self._window_s:
            self._taken.popleft()
        # The place that becomes free is taken before we sleep: whoever comes next takes another.
        at = now if len(self._taken) < self._most else self._taken[-self._most] + self._window_s
        if at > deadline.at:
            raise RateLimited(
                f"{self._crm} may not be asked so often (limits.rate)", after_s=at - now
            )
        self._taken.append(at)
        if at > now:
            await asyncio.sleep(at - now)

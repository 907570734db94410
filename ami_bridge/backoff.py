"""How long to wait before trying again."""

from __future__ import annotations

import random
from collections.abc import Sequence


class BackOff:
    """Walks through `delays_s` and stays at the last; each is made up to a quarter shorter or
    longer, so that many clients do not come back together."""

    def __init__(self, delays_s: Sequence[float]) -> None:
        self._delays_s = tuple(delays_s)
        self.tries = 0

    def next_s(self) -> float:
        delay = self._delays_s[min(self.tries, len(self._delays_s) - 1)]
        self.tries += 1
        return delay * random.uniform(0.75, 1.25)

    def reset(self) -> None:
        self.tries = 0

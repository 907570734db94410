"""Token buckets: how fast somebody may go on, and how much at once."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(slots=True)
class TokenBucket:
    """`burst` at once, then `per_s` each second. Times are seconds of any one clock."""

    per_s: float
    burst: float
    left: float
    at: float

    @classmethod
    def full(cls, per_s: float, burst: float, now: float) -> TokenBucket:
        return cls(per_s, burst, burst, now)

    def refill(self, now: float) -> None:
        self.left = min(self.burst, self.left + (now - self.at) * self.per_s)
        self.at = now

    def take(self, now: float) -> bool:
        self.refill(now)
        if self.left < 1:
            return False
        self.left -= 1
        return True

    def give(self) -> None:
        """One more than time alone allows; never above the burst."""
        self.left = min(self.burst, self.left + 1)


class RateLimit:
    """A bucket per key; only the `max_keys` used last are remembered."""

    def __init__(self, *, per_s: float, burst: float, max_keys: int = 10_000) -> None:
        self._per_s = per_s
        self._burst = burst
        self._max_keys = max_keys
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, key: str, now: float) -> bool:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket.full(self._per_s, self._burst, now)
            if len(self._buckets) > self._max_keys:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return bucket.take(now)

    def give_back(self, key: str) -> None:
        """Undoes one `take`."""
        if (bucket := self._buckets.get(key)) is not None:
            bucket.left = min(bucket.burst, bucket.left + 1)

    def forgive(self, key: str) -> None:
        self._buckets.pop(key, None)

"""How somebody buys: how often, and for how much at once, against all others."""

from __future__ import annotations

from collections.abc import Sequence

from calls.segments import Behaviour, PriceBand
from scoring.segmenting.purchases import Summary
from scoring.segmenting.thirds import Thirds

_GAPS = (Behaviour.SHORT_GAPS, Behaviour.MIDDLE_GAPS, Behaviour.LONG_GAPS)
_BANDS = (PriceBand.LOW, PriceBand.MIDDLE, PriceBand.HIGH)


class BehaviourScale:
    def __init__(self, population: Sequence[Summary]) -> None:
        gaps = [one.usual_gap_days for one in population if one.usual_gap_days is not None]
        amounts = [one.usual_amount for one in population if one.usual_amount is not None]
        self._gaps, self._amounts = Thirds(gaps), Thirds(amounts)

    def behaviour(self, summary: Summary, held: Behaviour | None = None) -> Behaviour | None:
        gap = summary.usual_gap_days
        if gap is None:
            return None
        return _GAPS[self._gaps.of(gap, _GAPS.index(held) if held else None)]

    def price_band(self, summary: Summary, held: PriceBand | None = None) -> PriceBand | None:
        amount = summary.usual_amount
        if amount is None:
            return None
        return _BANDS[self._amounts.of(amount, _BANDS.index(held) if held else None)]

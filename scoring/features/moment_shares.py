"""What is chosen at a moment like this one, from the coarse to the fine. Pure.

Shares of each finer cell are drawn towards those of the one before, as if STRENGTH more had chosen
as they do there: a number that was dialled twice says next to nothing, one dialled a thousand times
speaks for itself. The first is drawn towards what all callers choose, known ones included.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from heapq import nlargest

from scoring.features.moment import PARTS, WEEKEND, WORKING, cells, number_in, words_of

STRENGTH = 20.0
#: Moments kept ready; one beyond begins anew.
MAX_READY = 10_000
#: Numbers, the most dialled, of which all moments are ready before a call asks.
NUMBERS_AHEAD = 30

#: By intent.
Shares = Mapping[str, float]


def narrowed(prior: Shares, counts: Shares) -> Shares:
    """Shares of those who are counted, over `prior`, whose names are all there are: what the menu
    has no more says nothing."""
    known = {name: count for name, count in counts.items() if name in prior}
    if not known:
        return prior
    total = sum(known.values()) + STRENGTH
    return {
        name: (known.get(name, 0.0) + STRENGTH * share) / total for name, share in prior.items()
    }


class MomentShares:
    """`house`: by menu, the shares of everybody. `counts`: by cell, by menu, by intent. Neither
    changes any more: what is answered once is kept ready."""

    def __init__(
        self,
        house: Mapping[str, Shares] | None = None,
        counts: Mapping[str, Mapping[str, Shares]] | None = None,
    ) -> None:
        self._house = house or {}
        self._counts = counts or {}
        self._ready: dict[tuple[str, ...], Mapping[str, Shares]] = {}

    def at(self, found: tuple[str, ...]) -> Mapping[str, Shares]:
        """By menu; `found` as `scoring.features.moment.cells_of` gives them."""
        if not found:
            return self._house
        ready = self._ready.get(found)
        if ready is None:
            before = self.at(found[:-1])
            counts = self._counts.get(found[-1])
            ready = before
            if counts is not None:
                ready = {
                    menu: narrowed(shares, counts[menu]) if menu in counts else shares
                    for menu, shares in before.items()
                }
            if len(self._ready) >= MAX_READY:
                self._ready.clear()
            self._ready[found] = ready
        return ready

    def prepare(self) -> Iterator[None]:
        """Works out what most calls will ask, one number after the other: calls may be served in
        between. An area is left to its first call."""
        for who, digits in self._most_dialled():
            for part in PARTS:
                for days in (WORKING, WEEKEND):
                    self.at(cells(who, part, days, digits, ""))
            yield

    def why(self, found: tuple[str, ...], menu: str, intent: str) -> str:
        """Of the finest cell that outweighs the one before it, for people."""
        for cell in reversed(found):
            counts = self._counts.get(cell, {}).get(menu, {})
            total = sum(counts.values())
            if total >= STRENGTH:
                share = 100 * counts.get(intent, 0.0) / total
                return f"{share:.0f} % of {total:.0f} {words_of(cell)} wanted it"
        return "wanted as by all callers: too few like this one were counted"

    def _most_dialled(self) -> Iterable[tuple[str, str]]:
        sums = {
            number: sum(sum(counts.values()) for counts in menus.values())
            for cell, menus in self._counts.items()
            if (number := number_in(cell)) is not None
        }
        return nlargest(NUMBERS_AHEAD, sums, key=lambda number: (sums[number], number))

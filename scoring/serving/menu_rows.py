"""Rows of (caller, intent) for the model in use, made by the code that it was trained with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from calls.caller import Caller
from calls.offers import CallerMemory
from scoring.features.intent_rows import ChoicesSeen, Matrix, intent_rows
from scoring.features.moment import CallMoment
from scoring.features.moment_shares import MomentShares
from scoring.house_choices import HouseChoices
from scoring.registry.card import ModelCard

#: Of a card's `extra`: the intents with columns of their own, and what is chosen at each moment.
NAMED, MOMENTS = "named", "moments"


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class MenuTold:
    """What training wrote into the card for these rows."""

    named: Mapping[str, int]
    moments: MomentShares

    @classmethod
    def of(cls, card: ModelCard) -> MenuTold:
        """Raises ValueError where the card's extra is not what training writes."""
        return cls(
            _whole(card.extra.get(NAMED, {})), MomentShares(_counts(card.extra.get(MOMENTS, {})))
        )


class MenuRows:
    """Implements `scoring.serving.model_scorer.IntentRows`; `told` is what `MenuTold.of` read."""

    def __init__(self, *, house: HouseChoices, now: Callable[[], datetime] = utc_now) -> None:
        self._house = house
        self._now = now

    def __call__(
        self,
        told: MenuTold,
        caller: Caller,
        memory: CallerMemory,
        menu: str,
        intents: Sequence[str],
    ) -> Matrix:
        moment = CallMoment.of(self._now())
        house = self._house.shares().get(menu, {})
        shares = told.moments.shares(menu, moment.path, house, intents)
        seen = ChoicesSeen(
            house=house,
            own=_of(menu, memory.choices),
            days_ago=_of(menu, memory.chosen_days_ago),
            moment=dict(zip(intents, shares, strict=True)),
            is_known=caller.contact is not None,
        )
        return intent_rows(intents, seen, memory.features, moment, told.named)


def _of(menu: str, by_name: Mapping[tuple[str, str], float]) -> dict[str, float]:
    return {intent: value for (of, intent), value in by_name.items() if of == menu}


def _whole(told: object) -> dict[str, int]:
    if not isinstance(told, Mapping):
        raise ValueError("no places of intents")
    found = {}
    for name, place in told.items():
        if isinstance(place, bool) or not isinstance(place, int) or place < 0:
            raise ValueError("no place of an intent")
        found[str(name)] = place
    return found


def _counts(told: object) -> dict[str, dict[str, float]]:
    if not isinstance(told, Mapping):
        raise ValueError("no shares of moments")
    found: dict[str, dict[str, float]] = {}
    for part, counts in told.items():
        if not isinstance(counts, Mapping):
            raise ValueError("no shares of a moment")
        numbers = found.setdefault(str(part), {})
        for name, count in counts.items():
            if not isinstance(count, int | float) or not 0 <= count < float("inf"):
                raise ValueError("no count of a moment")
            numbers[str(name)] = float(count)
    return found

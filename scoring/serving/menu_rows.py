"""Rows of (caller, intent) for the model in use, made by the code that it was trained with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from calls.call_moment import CallMoment
from calls.caller import Caller
from calls.offers import CallerMemory
from scoring.features.intent_rows import ChoicesSeen, Matrix, intent_rows
from scoring.features.moment import cells_of
from scoring.house_choices import HouseChoices
from scoring.registry.card import ModelCard

#: Of a card's `extra`: the intents with columns of their own.
NAMED = "named"
_NOTHING: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True)
class MenuTold:
    """What training wrote into the card for these rows."""

    named: Mapping[str, int]

    @classmethod
    def of(cls, card: ModelCard) -> MenuTold:
        """Raises ValueError where the card's extra is not what training writes."""
        return cls(_whole(card.extra.get(NAMED, {})))


class MenuRows:
    """Implements `scoring.serving.model_scorer.IntentRows`; `told` is what `MenuTold.of` read."""

    def __init__(self, *, house: HouseChoices) -> None:
        self._house = house

    def __call__(
        self,
        told: MenuTold,
        caller: Caller,
        memory: CallerMemory,
        moment: CallMoment,
        *,
        menu: str,
        intents: Sequence[str],
    ) -> Matrix:
        is_known = caller.contact is not None
        shares = self._house.moments.at(cells_of(moment, is_known=is_known))
        seen = ChoicesSeen(
            house=self._house.shares().get(menu, _NOTHING),
            own=_of(menu, memory.choices),
            days_ago=_of(menu, memory.chosen_days_ago),
            moment=shares.get(menu, _NOTHING),
            is_known=is_known,
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

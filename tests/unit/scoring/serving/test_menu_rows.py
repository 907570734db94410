"""What is asked while the phone rings is what was learned from."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from calls.call_moment import CallMoment
from calls.caller import Caller, Contact, ContactRef, Identity, IdentityOutcome
from calls.offers import NO_MEMORY, CallerMemory
from scoring.features.intent_rows import INTENT_COLUMNS, intent_rows
from scoring.features.moment_shares import MomentShares
from scoring.propensities import PastChoices
from scoring.registry.card import ModelCard, ModelKind
from scoring.serving.menu_rows import MenuRows, MenuTold
from scoring.training.choosing import Choices, asked_of
from scoring.training.past import past_of
from tests.unit.scoring.training.made_worlds import UNTIL, call, frame

pytestmark = pytest.mark.unit

START = datetime(2026, 1, 5, 6, tzinfo=UTC)
RINGS = START + timedelta(days=20, hours=3)


class House:
    """As `scoring.house_choices` answers."""

    def __init__(self, shares: dict[str, float], moments: MomentShares) -> None:
        self._shares = shares
        self.moments = moments

    def shares(self) -> dict[str, dict[str, float]]:
        return {"main": self._shares}


def card(**extra: object) -> ModelCard:
    return ModelCard.model_validate(
        {
            "kind": ModelKind.INTENTS,
            "contact_schema": "contact-1-x",
            "columns": INTENT_COLUMNS,
            "objective": "binary:logistic",
            "trained_at": START,
            "extra": json.loads(json.dumps(extra)),
        }
    )


def _caller(who: str | None) -> Caller:
    contact = Contact(ContactRef.parse(who), "Ann", "Lee") if who else None
    outcome = IdentityOutcome.UNIQUE if who else IdentityOutcome.NONE
    return Caller(None, Identity(outcome, "e164", 0.9), contact)


def test_served_rows_equal_those_of_the_training() -> None:
    told = tuple(
        call(
            number,
            START + timedelta(hours=5.3 * number),
            f"crm:{number % 7}" if number % 5 else None,
            choices=[("main", "status" if number % 3 else "order")],
            area="+43 1" if number % 2 else "",
        )
        for number in range(80)
    )
    _, choices, named = asked_of(past_of(frame([]), told, UNTIL), vienna)
    for who, area in (("crm:1", "+43 1"), (None, "+43 1"), (None, "")):
        moment = vienna("+43100", RINGS, area)
        intents, seen = choices.seen(who, "main", RINGS, moment)
        learned = intent_rows(intents, seen, None, moment, named)
        memory = CallerMemory(
            choices={("main", name): weight for name, weight in seen.own.items()},
            chosen_days_ago={("main", name): days for name, days in seen.days_ago.items()},
        )
        house = House(dict(seen.house), _moments_of(choices))
        rows = MenuRows(house=house)  # type: ignore[arg-type]
        told = MenuTold.of(card(named=named))
        served = rows(told, _caller(who), memory, moment, menu="main", intents=intents)
        np.testing.assert_array_equal(served, learned)
        if who is None:
            past = PastChoices(house=house, associations=Nothing())  # type: ignore[arg-type]
            counted = past.propensities_of(_caller(None), NO_MEMORY, moment).intents
            shares = [counted["main", name] for name in intents]
            assert shares == pytest.approx(learned[:, INTENT_COLUMNS.index("own_share")].tolist())


class Nothing:
    """As `scoring.associations` answers."""

    def given(self, product: str) -> tuple[()]:
        return ()


def vienna(dialled: str, at: datetime, area: str) -> CallMoment:
    return CallMoment(at.astimezone(ZoneInfo("Europe/Vienna")), dialled, area)


def _moments_of(choices: Choices) -> MomentShares:
    """As the server reads them."""
    seen = {
        cell: {
            menu: {name: each.seen_from(RINGS) for name, each in counts.items()}
            for menu, counts in menus.items()
        }
        for cell, menus in choices.cells.items()
    }
    house = {name: each.seen_from(RINGS) for name, each in choices.house["main"].items()}
    total = sum(house.values())
    return MomentShares({"main": {name: each / total for name, each in house.items()}}, seen)


@pytest.mark.parametrize(
    "extra",
    [
        {"named": 3},
        {"named": {"a": -1}},
        {"named": {"a": True}},
    ],
)
def test_a_card_of_something_else_is_refused(extra: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="no place"):
        MenuTold.of(card(**extra))

"""What is asked while the phone rings is what was learned from."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from calls.caller import Caller, Contact, ContactRef, Identity, IdentityOutcome
from calls.offers import CallerMemory
from scoring.features.intent_rows import INTENT_COLUMNS, intent_rows
from scoring.features.moment import CallMoment
from scoring.registry.card import ModelCard, ModelKind
from scoring.serving.menu_rows import MenuRows, MenuTold
from scoring.training.choosing import asked_of
from scoring.training.past import past_of
from tests.unit.scoring.training.made_worlds import UNTIL, call, frame

pytestmark = pytest.mark.unit

START = datetime(2026, 1, 5, 6, tzinfo=UTC)
RINGS = START + timedelta(days=20, hours=3)


class House:
    """As `scoring.house_choices` answers."""

    def __init__(self, shares: dict[str, float]) -> None:
        self._shares = shares

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
        )
        for number in range(80)
    )
    _, choices, named = asked_of(past_of(frame([]), told, UNTIL))
    for who in ("crm:1", None):
        moment = CallMoment.of(RINGS)
        intents, seen = choices.seen(who, "main", RINGS, moment)
        learned = intent_rows(intents, seen, None, moment, named)
        memory = CallerMemory(
            choices={("main", name): weight for name, weight in seen.own.items()},
            chosen_days_ago={("main", name): days for name, days in seen.days_ago.items()},
        )
        rows = MenuRows(house=House(dict(seen.house)), now=lambda: RINGS)  # type: ignore[arg-type]
        told = MenuTold.of(card(named=named, moments=choices.moments.as_json()))
        served = rows(told, _caller(who), memory, "main", intents)
        np.testing.assert_array_equal(served, learned)


@pytest.mark.parametrize(
    "extra",
    [
        {"named": 3},
        {"named": {"a": -1}},
        {"named": {"a": True}},
        {"moments": {"a": 1}},
        {"moments": {"a": {"b": -1}}},
    ],
)
def test_a_card_of_something_else_is_refused(extra: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"no (place|shares|count)"):
        MenuTold.of(card(**extra))

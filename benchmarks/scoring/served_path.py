"""G13 as a call meets it: counting, then the models, their rows made anew for this caller.

The other figures of G13 are of models whose rows are there already. Here everything is the
server's own: its scorer with its own deadline, products by association, rows of offers and menus.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.scoring.goals import Row
from benchmarks.scoring.latency import HISTORY, INTENTS, OFFERS, PARETO, made_rows, model_of
from benchmarks.scoring.turns import (
    TURNS,
    WARM_TURNS,
    by_turns,
    first_in_line,
    of_process,
    read_ways,
    said,
    timed_row,
)
from calls.call_moment import CallMoment
from calls.caller import Caller, Contact, ContactRef, Identity, IdentityOutcome
from calls.contact_features import CategoryHistory, ContactFeatures
from calls.offers import NO_MEMORY, CallerMemory
from scoring.association_counts import ANYTHING, Association
from scoring.associations import Associations
from scoring.features.catalogue import Catalogue, ProductTraits
from scoring.features.intent_rows import INTENT_COLUMNS
from scoring.features.moment import cells_of
from scoring.features.moment_shares import MomentShares
from scoring.features.offer_rows import OFFER_COLUMNS
from scoring.features.schema import NAMES, SCHEMA
from scoring.house_choices import HouseChoices
from scoring.propensities import HORIZON_DAYS, PastChoices
from scoring.registry.card import ModelKind
from scoring.serving.bases import base_of
from scoring.serving.menu_rows import NAMED, MenuRows, MenuTold
from scoring.serving.models_in_use import ModelInUse
from scoring.serving.scorer_made import scorer_of
from scoring.serving.shelf_rows import ShelfRows
from scoring.training.choosing import BASE as OF_INTENTS
from scoring.training.offering import BASE as OF_OFFERS

MENU = "main"
CALLERS = 64
AREAS = 50
_HERE = "benchmarks.scoring.served_path"
_PRODUCTS = tuple(f"PRODUCT-{n:02d}" for n in range(OFFERS))
#: Bought, and no longer offered.
_OWNED = tuple(f"OWNED-{n}" for n in range(5))
_INTENTS = tuple(f"intent-{n}" for n in range(INTENTS))
_CATEGORIES = tuple(f"category-{n}" for n in range(6))
#: A stranger has no row for the others.
_ALL, _OF_STRANGERS = frozenset(ModelKind), frozenset({ModelKind.OFFERS, ModelKind.INTENTS})
_NOW = datetime(2026, 11, 27, 10, tzinfo=UTC)


def served_path(data: Path) -> list[Row]:
    """In a process of one thread. `data` is not looked at."""
    found = of_process(_HERE, "")
    what = f"as a call meets it, {OFFERS} offers, {INTENTS} intents"
    wholes = {
        "stranger": (f"{what}, a stranger (2 models)", (0.5, 5.0)),
        "known": (f"{what}, a known contact (4 models)", (0.5, 5.0)),
        "with reasons": (f"{what}, a known contact with top-3 reasons", (2.0, 5.0)),
    }
    turns = TURNS + WARM_TURNS
    rows = []
    for way, times in read_ways(found).items():
        for name, (told, aims) in wholes.items():
            late = f"without a model that was late: {found['late'][name]} of {turns:,}"
            rows += [
                replace(timed_row("G13", f"{way}, {words}: {told}", times[name], at, "–", aim),
                        verdict=late)
                for words, at, aim in (
                    ("p50", 50, None), ("p99", 99, aims[0]), ("p99.9", 99.9, aims[1])
                )
            ]  # fmt: skip
        rows += [
            timed_row("–", f"{way}, p99: of that, {part}", each, 99, "–", None, said(each))
            for part, each in times.items()
            if part not in wholes
        ]
    return rows


def timed() -> dict[str, Any]:
    """As `by_turns`, and `late`: how many answers lacked a model."""
    centre = _Centre()
    late = {"stranger": 0, "known": 0, "with reasons": 0}

    def whole(name: str) -> Callable[[int], object]:
        models = {str(kind) for kind in (_OF_STRANGERS if name == "stranger" else _ALL)}

        def step(turn: int) -> None:
            found = centre.scorer.propensities_of(*centre.asked(name, turn))
            if name == "with reasons":
                found.reasons[_PRODUCTS[0]], found.churn_reasons.get("en")
            late[name] += found.models.keys() != models

        return step

    steps = {name: whole(name) for name in late}
    for who in ("stranger", "known"):
        steps |= centre.parts(who)
    return {"first_in_line": first_in_line(), **by_turns(steps), "late": late}


class _House(HouseChoices):
    """What it would have read from the database."""

    def __init__(self, shares: Mapping[str, Mapping[str, float]]) -> None:
        self._shares = dict(shares)
        self._moments = MomentShares(shares, _moments())
        for _ in self._moments.prepare():
            pass


class _Shop(Associations):
    """What it would have read from the database."""

    def __init__(self, by_given: Mapping[str, tuple[Association, ...]]) -> None:
        self._by_given = by_given


class _Models:
    def __init__(self, used: Mapping[ModelKind, ModelInUse]) -> None:
        self._used = used

    def of(self, kind: ModelKind) -> ModelInUse | None:
        return self._used.get(kind)


class _Centre:
    """What a server holds in memory, and who calls it."""

    def __init__(self) -> None:
        total = sum(range(1, INTENTS + 1))
        self._house = _House({MENU: {name: n / total for n, name in enumerate(_INTENTS, 1)}})
        self._shop = _Shop(
            {
                given: tuple(
                    Association(given, product, 0.3 - n / 100, 500, 0.001 + n / 1e5)
                    for n, product in enumerate(_PRODUCTS)
                )
                for given in (ANYTHING, *_OWNED)
            }
        )
        self._past = PastChoices(house=self._house, associations=self._shop)
        self._used = _models()
        self.scorer = scorer_of(
            house=self._house,
            associations=self._shop,
            models=_Models(self._used),  # type: ignore[arg-type]
            horizon_days=HORIZON_DAYS,
        )
        self._known = [
            (_contact(number), _memory(tuple(map(float, row))))
            for number, row in enumerate(abs(made_rows(CALLERS, len(NAMES), seed=3)) * 30)
        ]
        self._stranger = Caller("+12025550100", Identity(IdentityOutcome.NONE, "e164", 0.0))

    def asked(self, who: str, turn: int) -> tuple[Caller, CallerMemory, CallMoment]:
        moment = _moment(turn)
        if who == "stranger":
            return self._stranger, NO_MEMORY, moment
        return *self._known[turn % CALLERS], moment

    def parts(self, who: str) -> dict[str, Callable[[int], object]]:
        shelf, menus = ShelfRows(), MenuRows(house=self._house)
        offers, intents = (self._used[kind].told for kind in (ModelKind.OFFERS, ModelKind.INTENTS))
        chances = self._past.propensities_of(*self.asked(who, 0)).products
        if len(chances) != OFFERS:
            raise RuntimeError(f"{len(chances)} offers: these figures would be of something else")

        def of_offers(turn: int) -> object:
            _, memory, _ = self.asked(who, turn)
            return shelf(offers, memory, chances)

        def of_menu(turn: int) -> object:
            caller, memory, moment = self.asked(who, turn)
            return menus(intents, caller, memory, moment, menu=MENU, intents=_INTENTS)

        words = "a stranger" if who == "stranger" else "known"
        return {
            f"counting, for who is {words}": lambda turn: self._past.propensities_of(
                *self.asked(who, turn)
            ),
            f"rows of {OFFERS} offers, for who is {words}": of_offers,
            f"rows of {INTENTS} intents, for who is {words}": of_menu,
        }


def _contact(number: int) -> Caller:
    ref = ContactRef("crm", str(number))
    contact = Contact(ref, "Ann", "Lee", owns=frozenset(_OWNED[: 1 + number % len(_OWNED)]))
    return Caller("+12025550101", Identity(IdentityOutcome.UNIQUE, "e164", 0.9), contact)


def _memory(values: tuple[float, ...]) -> CallerMemory:
    bought = {name: CategoryHistory(1 / len(_CATEGORIES), 40.0) for name in _CATEGORIES}
    return CallerMemory(
        choices={(MENU, name): 1.5 for name in _INTENTS[:3]},
        chosen_days_ago={(MENU, name): 10.0 * n for n, name in enumerate(_INTENTS[:3], 1)},
        features=ContactFeatures(SCHEMA, values, bought),
    )


def _models() -> dict[ModelKind, ModelInUse]:
    btyd = base_of(PARETO, HISTORY)
    shapes: dict[ModelKind, Any] = {
        ModelKind.CHURN: (NAMES, "binary:logistic", btyd),
        ModelKind.PURCHASES: (NAMES, "count:poisson", btyd),
        ModelKind.OFFERS: (OFFER_COLUMNS, "binary:logistic", OF_OFFERS),
        ModelKind.INTENTS: (INTENT_COLUMNS, "binary:logistic", OF_INTENTS),
    }
    used = {kind: model_of(kind, *shape)[0] for kind, shape in shapes.items()}
    products = {
        name: ProductTraits(_CATEGORIES[n % len(_CATEGORIES)], 10.0 + n, 0.1, 0.2)
        for n, name in enumerate(_PRODUCTS)
    }
    used[ModelKind.OFFERS] = replace(used[ModelKind.OFFERS], told=Catalogue(products))
    intents = used[ModelKind.INTENTS]
    named = {name: place for place, name in enumerate(_INTENTS)}
    card = intents.card.model_copy(update={"extra": {NAMED: named}})
    used[ModelKind.INTENTS] = replace(intents, told=MenuTold.of(card))
    return used


def _moment(number: int) -> CallMoment:
    return CallMoment(_NOW + timedelta(hours=number), "+12025550199", f"+1 {200 + number % AREAS}")


def _moments() -> dict[str, dict[str, dict[str, float]]]:
    """Of a week's calls to one number from many areas, strangers and known callers."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for number in range(7 * 24 * AREAS):
        for is_known in (False, True):
            for cell in cells_of(_moment(number), is_known=is_known):
                counts = found.setdefault(cell, {}).setdefault(MENU, dict.fromkeys(_INTENTS, 0.0))
                counts[_INTENTS[number % INTENTS]] += 1.0
    return found


def main() -> int:
    sys.stdout.write(json.dumps(timed()))
    return 0


if __name__ == "__main__":
    sys.exit(main())

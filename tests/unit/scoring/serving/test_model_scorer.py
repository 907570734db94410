"""Each part is answered by its model, or as without one: a caller never meets an error."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from calls.call_moment import CallMoment
from calls.caller import Caller, Identity, IdentityOutcome
from calls.contact_features import ContactFeatures
from calls.offers import NO_MEMORY, CallerMemory, Propensities
from scoring.registry.card import Base, ModelCard, ModelKind, Platt, Reliable
from scoring.registry.refusals import ModelRefused, NotTried
from scoring.registry.registry import ModelRegistry
from scoring.serving.model_scorer import MODEL, ModelCounters, ModelScorer
from scoring.serving.models_in_use import CardReader, ModelsInUse
from scoring.serving.patience import MOST_LATE, SITS_OUT_S, Patience
from scoring.serving.reasons import usual_margin
from tests.unit.scoring.serving.random_models import TRAINED_AT, booster_of, card_of, names_of

pytestmark = pytest.mark.unit

SCHEMA = "contact-1-0123456789ab"
NAMES = tuple(names_of(6))
OFFER_NAMES = tuple(names_of(8))
MOMENT = CallMoment(TRAINED_AT)
CALLER = Caller(None, Identity(IdentityOutcome.NONE, "e164", 0.0))
VALUES = (1.0, float("nan"), 3.0, 0.0, -2.0, 5.0)
KNOWN = CallerMemory(features=ContactFeatures(SCHEMA, VALUES))
COUNTED = Propensities(
    intents={("main", "order"): 0.7, ("main", "repair"): 0.3},
    products={"LAPTOP": 0.1, "BAG": 0.2},
    reasons={"LAPTOP": ("10 of 100 bought it",), "BAG": ("20 of 100 bought it",)},
    model="past-choices-1",
)


class Past:
    def propensities_of(
        self, caller: Caller, memory: CallerMemory, moment: CallMoment
    ) -> Propensities:
        return COUNTED


def offer_rows(_told: object, memory: CallerMemory, shares: Mapping[str, float]) -> Any:
    contact = memory.features.values if memory.features else (float("nan"),) * 6
    rows = [(*contact, float(len(product)), 10 * share) for product, share in shares.items()]
    return np.array(rows, dtype=np.float32)


def intent_rows(
    _told: object,
    caller: Caller,
    memory: CallerMemory,
    moment: CallMoment,
    *,
    menu: str,
    intents: Sequence[str],
) -> Any:
    return np.array([[len(intent)] * 6 for intent in intents], dtype=np.float32)


class House:
    """A registry, what is in use, and the scorer."""

    def __init__(
        self,
        folder: Path,
        *,
        readers: Mapping[ModelKind, CardReader] | None = None,
        **more: Any,
    ) -> None:
        self.registry = ModelRegistry(folder)
        names = {
            ModelKind.CHURN: NAMES,
            ModelKind.PURCHASES: NAMES,
            ModelKind.OFFERS: OFFER_NAMES,
            ModelKind.INTENTS: NAMES,
        }
        self.models = ModelsInUse(
            registry=self.registry, schema=SCHEMA, names=names, readers=readers
        )
        self.counters = ModelCounters()
        self.scorer = ModelScorer(
            past=Past(),
            models=self.models,
            schema=SCHEMA,
            group_of={name: f"group {name[-1]}" for name in OFFER_NAMES},
            counters=self.counters,
            **{
                "offer_rows": offer_rows,
                "intent_rows": intent_rows,
                "deadline_s": 60.0,
                **more,
            },
        )

    def use(self, kind: ModelKind, booster: Any, day: int = 0, **card: Any) -> str:
        made = card_of(kind=kind, trained_at=TRAINED_AT + timedelta(days=day)).model_copy(
            update=card
        )
        version = self.registry.add(made, booster)
        self.registry.promote(kind, version)
        asyncio.run(self.models.refresh())
        return version

    def use_offers(self, extra: dict[str, Any], day: int = 0) -> str:
        booster = booster_of(3, columns=len(OFFER_NAMES))
        return self.use(ModelKind.OFFERS, booster, day, columns=OFFER_NAMES, extra=extra)

    def counted(self, kind: ModelKind, outcome: str) -> float:
        return self.counters.answers.labels(str(kind), outcome)._value.get()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "models")


def test_without_models_counting_answers(house: House) -> None:
    asyncio.run(house.models.refresh())
    assert house.scorer.propensities_of(CALLER, KNOWN, MOMENT) == COUNTED
    assert house.scorer.propensities_of(CALLER, NO_MEMORY, MOMENT) == COUNTED


def test_each_kind_of_model_answers_its_part(house: House) -> None:
    churn, purchases = booster_of(1), booster_of(2, objective="count:poisson")
    offers, intents = booster_of(3, columns=8), booster_of(4)
    versions = {
        "churn": house.use(ModelKind.CHURN, churn),
        "purchases": house.use(ModelKind.PURCHASES, purchases, objective="count:poisson"),
        "offers": house.use(ModelKind.OFFERS, offers, columns=OFFER_NAMES),
        "intents": house.use(ModelKind.INTENTS, intents),
    }

    found = house.scorer.propensities_of(CALLER, KNOWN, MOMENT)

    row = np.array([VALUES], dtype=np.float32)
    assert found.churn == pytest.approx(churn.inplace_predict(row)[0], abs=1e-6)
    assert found.expected_purchases == pytest.approx(purchases.inplace_predict(row)[0], abs=1e-6)
    wanted = offers.inplace_predict(offer_rows(None, KNOWN, COUNTED.products))
    assert list(found.products.values()) == pytest.approx(list(wanted), abs=1e-6)
    assert sum(found.intents.values()) == pytest.approx(1.0)
    assert found.intents != COUNTED.intents
    assert (found.model, found.models) == (MODEL, versions)
    assert house.counted(ModelKind.CHURN, "used") == 1


def test_a_model_of_another_horizon_is_brought_to_that_of_the_rulebook(tmp_path: Path) -> None:
    """Its rows hold chances of its own horizon, and its answers are those of the setting's."""
    plain, longer = House(tmp_path / "one"), House(tmp_path / "two", horizon_days=90)
    for each in (plain, longer):
        each.use(ModelKind.OFFERS, booster_of(3, columns=8), columns=OFFER_NAMES, horizon_days=30)
    month = plain.scorer.propensities_of(CALLER, KNOWN, MOMENT).products
    quarter = longer.scorer.propensities_of(CALLER, KNOWN, MOMENT).products
    shorter = {name: 1 - (1 - share) ** (1 / 3) for name, share in COUNTED.products.items()}
    rows = offer_rows(None, KNOWN, shorter)
    wanted = booster_of(3, columns=8).inplace_predict(rows)
    assert [quarter[name] for name in month] == pytest.approx(
        [1 - (1 - float(one)) ** 3 for one in wanted], abs=1e-6
    )


def test_reasons_are_computed_when_somebody_looks_and_in_both_languages(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.use(ModelKind.OFFERS, booster_of(3, columns=8), columns=OFFER_NAMES)
    house.use(ModelKind.CHURN, booster_of(1))
    used = house.models.of(ModelKind.OFFERS)
    assert used is not None
    asked: list[int] = []
    tell = used.model.contributions

    def contributions(row: Any, margin: float | None = None) -> Any:
        asked.append(1)
        return tell(row, margin)

    monkeypatch.setattr(used.model, "contributions", contributions)
    found = house.scorer.propensities_of(CALLER, KNOWN, MOMENT)
    assert asked == []
    english, chinese = found.reasons["BAG"], found.reasons_in["zh"]["BAG"]
    assert asked == [1]
    assert 1 <= len(english) <= 3
    assert len(english) == len(chinese)
    assert english[0].endswith(("(speaks for it)", "(speaks against it)"))
    assert chinese[0].endswith(("（支持）", "（反对）"))
    assert found.reasons.get("NOTHING", ()) == ()
    assert found.churn_reasons["en"][0].endswith(("(raises the risk)", "(lowers the risk)"))
    assert found.churn_reasons["zh"][0].endswith(("（风险升高）", "（风险降低）"))
    assert found.churn_level in ("low", "middle", "high")
    assert found.horizon_days == 30


def _in_the_house(visits: float, recency: float, tenure: float) -> CallerMemory:
    values = (visits, recency, tenure, 0.0, 0.0, 0.0)
    return CallerMemory(features=ContactFeatures(SCHEMA, values))


@pytest.mark.parametrize("calibration", [None, Platt(a=2.0, b=-0.5)])
def test_what_the_history_alone_makes_of_somebody_is_a_reason_too(
    house: House, calibration: Platt | None
) -> None:
    """Where trees had nothing to add, an agent reads why all the same."""
    data = xgboost.DMatrix(
        np.zeros((10, 6), np.float32), label=[0, 1] * 5, feature_names=list(NAMES)
    )
    flat = xgboost.train({"objective": "binary:logistic", "nthread": 1}, data, 1)
    rates = {"rates": (1.0, 10.0, 1.0, 100.0), "buying": (), "dying": ()}
    base = Base(kind="btyd", columns=NAMES[:3], parameters={**rates, "centre": (), "spread": ()})
    usual = (Reliable(forecast=0.2, came=0.2, rows=30), Reliable(forecast=0.8, came=0.8, rows=30))
    house.use(ModelKind.CHURN, flat, base=base, reliability=usual, calibration=calibration)
    away = house.scorer.propensities_of(CALLER, _in_the_house(20, 300, 400), MOMENT)
    here = house.scorer.propensities_of(CALLER, _in_the_house(20, 1, 400), MOMENT)
    assert away.churn is not None
    assert here.churn is not None
    assert here.churn < 0.5 < away.churn
    assert away.churn_reasons["en"] == ("group 1 (raises the risk)",)
    assert here.churn_reasons["en"] == ("group 1 (lowers the risk)",)


def test_the_usual_margin_is_that_of_the_house_s_mean_risk() -> None:
    groups = (Reliable(forecast=0.9, came=0.9, rows=30), Reliable(forecast=0.1, came=0.1, rows=10))
    card = card_of(reliability=groups)
    logit = np.log(0.7 / 0.3)
    assert usual_margin(card) == pytest.approx(logit)
    calibrated = card.model_copy(update={"calibration": Platt(a=2.0, b=1.0)})
    assert usual_margin(calibrated) == pytest.approx((logit - 1) / 2)
    assert usual_margin(card_of()) == pytest.approx(0)
    flat = card.model_copy(update={"calibration": Platt(a=0.0, b=1.0)})
    assert usual_margin(flat) is None
    sure = (Reliable(forecast=1.0, came=1.0, rows=3),)
    assert usual_margin(card_of(reliability=sure)) == pytest.approx(np.log(0.9999 / 0.0001))


def test_a_stranger_has_no_churn_and_products_all_the_same(house: House) -> None:
    house.use(ModelKind.CHURN, booster_of(1))
    house.use(ModelKind.OFFERS, booster_of(3, columns=8), columns=OFFER_NAMES)
    for memory in (NO_MEMORY, replace(KNOWN, features=ContactFeatures("contact-0-old", VALUES))):
        found = house.scorer.propensities_of(CALLER, memory, MOMENT)
        assert found.churn is None
        assert set(found.products) == {"LAPTOP", "BAG"}
        assert set(found.models) == {"offers"}


def test_a_calibration_moves_the_logit(house: House) -> None:
    booster = booster_of(1)
    house.use(ModelKind.CHURN, booster, calibration=Platt(a=0.5, b=1.0))
    row = np.array([VALUES], dtype=np.float32)
    margin = booster.inplace_predict(row, predict_type="margin")[0]
    found = house.scorer.propensities_of(CALLER, KNOWN, MOMENT)
    assert found.churn == pytest.approx(1 / (1 + np.exp(-(0.5 * margin + 1.0))), abs=1e-6)


def test_the_trees_are_added_to_the_base_of_the_row(house: House) -> None:
    booster = booster_of(1)
    house.use(ModelKind.CHURN, booster, base=Base(kind="smoothed", columns=("column_2",)))
    row = np.array([VALUES], dtype=np.float32)
    margin = np.log(0.9999 / 0.0001)
    wanted = booster.inplace_predict(row, base_margin=np.array([margin]))[0]
    found = house.scorer.propensities_of(CALLER, KNOWN, MOMENT)
    assert found.churn == pytest.approx(wanted, abs=1e-6)


def test_an_answer_that_is_none_leaves_what_counting_said(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    data = xgboost.DMatrix(
        np.zeros((10, 8), np.float32), label=np.full(10, 7.0), feature_names=list(OFFER_NAMES)
    )
    seven = xgboost.train({"objective": "reg:squarederror", "nthread": 1}, data, 3)
    house.use(ModelKind.OFFERS, seven, columns=OFFER_NAMES, objective="reg:squarederror")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert house.scorer.propensities_of(CALLER, KNOWN, MOMENT) == COUNTED
    assert house.counted(ModelKind.OFFERS, "not_a_number") == 3
    assert len([each for each in caplog.records if "no number" in each.message]) == 1


def test_whatever_fails_leaves_what_counting_said(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.use(ModelKind.CHURN, booster_of(1))
    used = house.models.of(ModelKind.CHURN)
    assert used is not None

    def broken(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(used.model, "margins", broken)
    assert house.scorer.propensities_of(CALLER, KNOWN, MOMENT) == COUNTED
    assert house.counted(ModelKind.CHURN, "failed") == 1


def test_features_of_any_kind_never_raise(house: House) -> None:
    house.use(ModelKind.CHURN, booster_of(1))
    odd = (float("inf"), float("-inf"), float("nan"), 1e300, -1e300, 0.0)
    for values in (odd, (float("nan"),) * 6, (), (1.0,) * 3, (1.0,) * 600):
        memory = CallerMemory(features=ContactFeatures(SCHEMA, values))
        found = house.scorer.propensities_of(CALLER, memory, MOMENT)
        assert found.churn is None or 0 <= found.churn <= 1


def test_who_is_late_again_and_again_sits_out(tmp_path: Path) -> None:
    times = iter(float(n) for n in range(10_000))
    house = House(tmp_path / "models", clock=lambda: next(times), deadline_s=0.5)
    house.use(ModelKind.CHURN, booster_of(1))
    for _ in range(MOST_LATE):
        house.scorer.propensities_of(CALLER, KNOWN, MOMENT)
    assert house.counted(ModelKind.CHURN, "late") + house.counted(ModelKind.CHURN, "used") > 0


def test_patience_ends_and_begins_anew() -> None:
    now = [0.0]
    patience = Patience(limit_s=0.005, clock=lambda: now[0])
    for _ in range(MOST_LATE - 1):
        patience.took("model", 0.01)
    patience.took("model", 0.001)
    for _ in range(MOST_LATE):
        assert patience.allows("model")
        patience.took("model", 0.01)
    assert not patience.allows("model")
    assert patience.allows("another")
    now[0] = SITS_OUT_S
    assert patience.allows("model")


def test_a_promoted_model_is_taken_and_a_broken_one_is_not(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    first = house.use(ModelKind.CHURN, booster_of(1))
    second = house.use(ModelKind.CHURN, booster_of(2), day=1)
    assert house.models.versions() == {"churn": second}
    house.registry.rollback(ModelKind.CHURN)
    path = house.registry.folder_of(ModelKind.CHURN, first) / "model.ubj"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            asyncio.run(house.models.refresh())
    assert house.models.versions() == {"churn": second}
    assert len([each for each in caplog.records if "the one before stays" in each.message]) == 1


def test_whatever_a_model_does_while_it_is_loaded_does_not_end_the_server(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = house.use(ModelKind.CHURN, booster_of(1))

    def broken(kind: ModelKind) -> None:
        raise RecursionError

    monkeypatch.setattr(house.registry, "load_checked", broken)
    house.use(ModelKind.CHURN, booster_of(2), day=1)
    assert house.models.versions() == {"churn": first}


def test_a_model_of_other_rows_is_refused(house: House) -> None:
    house.use(ModelKind.CHURN, booster_of(1), contact_schema="contact-1-aaaaaaaaaaaa")
    assert "train anew" in house.models.refused[ModelKind.CHURN][1]
    house.use(ModelKind.PURCHASES, booster_of(1, columns=7), columns=tuple(names_of(7)))
    assert "column_6" in house.models.refused[ModelKind.PURCHASES][1]
    assert house.models.versions() == {}


def test_what_rows_need_of_a_card_is_read_before_it_is_used(tmp_path: Path) -> None:
    """The caller's time does not pay for it, and a broken card leaves the good model."""
    read: list[str] = []
    asked: list[object] = []

    def reader(card: ModelCard) -> str:
        read.append(card.version)
        told = card.extra["catalogue"]
        if not isinstance(told, str):
            raise ValueError("no catalogue")
        return told

    def rows(told: object, memory: CallerMemory, chances: Mapping[str, float]) -> Any:
        asked.append(told)
        return offer_rows(told, memory, chances)

    house = House(tmp_path, readers={ModelKind.OFFERS: reader}, offer_rows=rows)
    good = house.use_offers({"catalogue": "ours"})
    assert read == [good]
    for _ in range(3):
        assert house.scorer.propensities_of(CALLER, KNOWN, MOMENT).models == {"offers": good}
    assert (read, asked) == ([good], ["ours"] * 3)

    bad = house.use_offers({"catalogue": 7}, day=1)
    assert house.models.versions() == {"offers": good}
    version, why = house.models.refused[ModelKind.OFFERS]
    assert (version, "no catalogue" in why) == (bad, True)
    assert house.scorer.propensities_of(CALLER, KNOWN, MOMENT).models == {"offers": good}


class Refusing:
    """A registry with one promoted model, whose loading fails with `error` while there is one."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, error: ModelRefused) -> None:
        registry = ModelRegistry(folder)
        self.version = registry.add(card_of(), booster_of(1))
        registry.promote(ModelKind.CHURN, self.version)
        self.now, self.tries = 0.0, list[float]()
        self.error: ModelRefused | None = error
        load = registry.load_checked

        def loaded(kind: ModelKind) -> Any:
            self.tries.append(self.now)
            if self.error is not None:
                raise self.error
            return load(kind)

        monkeypatch.setattr(registry, "load_checked", loaded)
        self.models = ModelsInUse(
            registry=registry,
            schema=SCHEMA,
            names={ModelKind.CHURN: NAMES},
            clock=lambda: self.now,
        )

    def refresh_at(self, now: float) -> None:
        self.now = now
        asyncio.run(self.models.refresh())


def test_what_was_refused_for_a_reason_that_passes_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = NotTried("the model's trial took longer than 20 s")
    house = Refusing(tmp_path, monkeypatch, late)
    for minute in range(10):
        house.refresh_at(60.0 * minute)
    assert house.tries == [0.0, 60.0, 180.0, 420.0], "pauses grow"
    house.error = None
    house.refresh_at(900.0)
    assert house.models.versions() == {"churn": house.version}
    assert house.models.refused == {}


def test_what_is_damaged_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = Refusing(tmp_path, monkeypatch, ModelRefused("the model is damaged"))
    for hour in range(3):
        house.refresh_at(3_600.0 * hour)
    assert house.tries == [0.0]

"""Calls are answered while models are still being tried."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from calls.call_moment import CallMoment
from calls.caller import Caller, Identity, IdentityOutcome
from calls.contact_features import ContactFeatures
from calls.offers import CallerMemory
from config.settings import ScoringSettings
from scoring.associations import Associations
from scoring.features import schema
from scoring.house_choices import HouseChoices
from scoring.policy.learned import LearnedPolicies
from scoring.refresher import Refresher
from scoring.registry.card import ModelKind
from scoring.registry.registry import ModelRegistry
from scoring.serving.models_in_use import ModelsInUse
from scoring.serving.scorer_made import scorer_of
from storage.database import Database
from tests.unit.scoring.serving.random_models import booster_of, card_of

pytestmark = pytest.mark.unit

MOMENT = CallMoment(datetime(2026, 3, 2, 9, tzinfo=UTC))
CALLER = Caller(None, Identity(IdentityOutcome.NONE, "e164", 0.0))
KNOWN = CallerMemory(features=ContactFeatures(schema.SCHEMA, (1.0,) * len(schema.NAMES)))


class SlowTrial(ModelRegistry):
    """Tries no model before it is told to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.goes_on = threading.Event()
        self.began: list[ModelKind] = []

    def load_checked(self, kind: ModelKind) -> Any:
        self.began.append(kind)
        assert self.goes_on.wait(30)
        return super().load_checked(kind)


class Told(ModelsInUse):
    """Says when it has looked."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.begins, self.looked = asyncio.Event(), asyncio.Event()

    async def refresh(self) -> None:
        self.begins.set()
        await super().refresh()
        self.looked.set()


async def test_calls_are_answered_by_counting_until_models_are_tried(tmp_path: Path) -> None:
    registry = SlowTrial(tmp_path / "models")
    columns = len(schema.NAMES)
    card = card_of(columns=columns).model_copy(
        update={"columns": schema.NAMES, "contact_schema": schema.SCHEMA}
    )
    booster = booster_of(1, columns=columns)
    booster.feature_names = list(schema.NAMES)
    version = registry.add(card, booster)
    registry.promote(ModelKind.CHURN, version)
    models = Told(registry=registry, schema=schema.SCHEMA, names={ModelKind.CHURN: schema.NAMES})
    async with Database(f"sqlite:///{tmp_path}/empty.db") as database:
        house, associations = HouseChoices(database=database), Associations(database=database)
        scorer = scorer_of(house=house, associations=associations, models=models, horizon_days=30)
        policies = LearnedPolicies(database=database, settings=ScoringSettings())
        refresher = Refresher(
            house=house, associations=associations, policies=policies, models=models
        )
        async with refresher:
            # The trial has not ended, and cannot.
            await models.begins.wait()
            before = scorer.propensities_of(CALLER, KNOWN, MOMENT)
            assert (before.models, before.churn) == ({}, None)
            assert not models.looked.is_set()

            registry.goes_on.set()
            await models.looked.wait()
            after = scorer.propensities_of(CALLER, KNOWN, MOMENT)
            assert after.models == {"churn": version}
            assert after.churn is not None


async def test_leaving_waits_for_no_trial(tmp_path: Path) -> None:
    tried = asyncio.Event()

    class Endless(ModelsInUse):
        async def refresh(self) -> None:
            tried.set()
            await asyncio.Event().wait()

    models = Endless(registry=ModelRegistry(tmp_path), schema="", names={})
    async with Database(f"sqlite:///{tmp_path}/empty.db") as database:
        refresher = Refresher(
            house=HouseChoices(database=database),
            associations=Associations(database=database),
            policies=LearnedPolicies(database=database, settings=ScoringSettings()),
            models=models,
        )
        async with refresher:
            await tried.wait()
            tasks = refresher.tasks
            assert [task.get_name() for task in tasks] == ["scoring:refresh", "scoring:models"]
        assert all(task.cancelled() for task in tasks)

"""The scorer of a server, and of a command that explains what a server would do."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry

from scoring.associations import Associations
from scoring.features import schema
from scoring.features.intent_rows import INTENT_COLUMNS
from scoring.features.offer_rows import OFFER_COLUMNS, OFFER_GROUP_OF
from scoring.house_choices import HouseChoices
from scoring.propensities import PastChoices
from scoring.registry.card import ModelKind
from scoring.registry.registry import ModelRegistry
from scoring.serving.menu_rows import MenuRows, MenuTold
from scoring.serving.model_scorer import ModelCounters, ModelScorer
from scoring.serving.models_in_use import ModelsInUse
from scoring.serving.shelf_rows import ShelfRows, catalogue_of


def models_in(folder: Path) -> ModelsInUse:
    """Empty until it is refreshed."""
    names = {
        ModelKind.CHURN: schema.NAMES,
        ModelKind.PURCHASES: schema.NAMES,
        ModelKind.OFFERS: OFFER_COLUMNS,
        ModelKind.INTENTS: INTENT_COLUMNS,
    }
    readers = {ModelKind.OFFERS: catalogue_of, ModelKind.INTENTS: MenuTold.of}
    return ModelsInUse(
        registry=ModelRegistry(folder), schema=schema.SCHEMA, names=names, readers=readers
    )


def scorer_of(
    *,
    house: HouseChoices,
    associations: Associations,
    models: ModelsInUse,
    horizon_days: int,
    metrics: CollectorRegistry | None = None,
) -> ModelScorer:
    return ModelScorer(
        past=PastChoices(house=house, associations=associations, horizon_days=horizon_days),
        models=models,
        schema=schema.SCHEMA,
        group_of=OFFER_GROUP_OF,
        offer_rows=ShelfRows(),
        intent_rows=MenuRows(house=house),
        counters=ModelCounters(metrics),
        horizon_days=horizon_days,
    )

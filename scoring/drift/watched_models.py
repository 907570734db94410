"""The models in use, as drift is measured against them."""

from __future__ import annotations

import logging
import math
from datetime import datetime

from scoring.drift.measuring import Watched
from scoring.drift.population_shift import BadReference, Reference, read_references
from scoring.drift.served_scores import AtTraining
from scoring.registry.card import ModelCard, ModelKind
from scoring.registry.refusals import ModelRefused
from scoring.registry.registry import ModelRegistry

log = logging.getLogger(__name__)

#: In a card's `extra`: what `population_shift.references_of` made of the rows it was trained on.
REFERENCES = "references"


def watched_models(registry: ModelRegistry) -> list[Watched]:
    """A kind without a model, or whose card cannot be read (which is logged), is left out."""
    found = []
    for kind in ModelKind:
        try:
            card = registry.current(kind)
            if card is not None:
                found.append(_watched(card, _in_use_since(registry, card)))
        except ModelRefused as error:
            log.warning("drift of %s is not measured: %s", kind, error)
    return found


def _watched(card: ModelCard, in_use_since: datetime) -> Watched:
    return Watched(
        kind=str(card.kind),
        version=card.version,
        trained_at=card.trained_at,
        in_use_since=in_use_since,
        at_training=AtTraining(
            auc=_figure(card, "auc"), ece=_figure(card, "ece"), log_loss=_figure(card, "log_loss")
        ),
        references=_references(card),
    )


def _in_use_since(registry: ModelRegistry, card: ModelCard) -> datetime:
    """When it was put to use last; of a model whose history is gone, when it was trained."""
    return max(
        (move.at for move in registry.history(card.kind, card.version)), default=card.trained_at
    )


def _figure(card: ModelCard, name: str) -> float:
    found = card.metrics.get(name)
    return found.value if found is not None else math.nan


def _references(card: ModelCard) -> dict[str, Reference]:
    told = card.extra.get(REFERENCES)
    if told is None:
        return {}
    try:
        return read_references(told)
    except BadReference as error:
        log.warning("drift of %s: %s", card.kind, error)
        return {}

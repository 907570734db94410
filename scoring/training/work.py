"""All kinds of models from one reading of the past: trained, kept in the registry, promoted where
the settings let us and the gate says yes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from config.call_moments import MomentOf, servers_moment
from scoring.models.boosting import Trainer, train
from scoring.registry.card import ModelCard, ModelKind
from scoring.registry.registry import ModelRegistry
from scoring.training.buying import Buying, HeldOut
from scoring.training.choosing import train_choosing
from scoring.training.in_use import InUse, in_use
from scoring.training.kept import Trained
from scoring.training.offering import Offering
from scoring.training.past import Past
from scoring.training.too_little import TooLittle

#: Called with what is being done, what of it is done and what there is to do.
Told = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`card` is None where there was too little to learn from; `because` says so."""

    kind: ModelKind
    card: ModelCard | None
    promoted: bool
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wishes:
    """`product_of`: by offer of the rulebook, its product; `held_out`: whether a contact (as text)
    hears the plain menu, to compare with; `trainer`: where trees are grown; `moment_of`: by which
    clock calls came."""

    horizon_days: int
    promote: bool
    product_of: Mapping[str, str]
    held_out: HeldOut
    trainer: Trainer = train
    moment_of: MomentOf = servers_moment


def train_all(
    past: Past,
    registry: ModelRegistry,
    kinds: Collection[ModelKind],
    wishes: Wishes,
    *,
    now: datetime,
    told: Told,
) -> list[Outcome]:
    """In the order of the kinds. The same past gives the same models."""
    found = []
    buying: Buying | None = None
    for kind in ModelKind:
        if kind not in kinds:
            continue

        def progress(done: int, total: int, kind: ModelKind = kind) -> None:
            told(f"training {kind}", done, total)

        before = in_use(registry, kind)
        try:
            if kind is ModelKind.OFFERS:
                offering = Offering(
                    past,
                    wishes.horizon_days,
                    product_of=wishes.product_of,
                    held_out=wishes.held_out,
                    progress=progress,
                    trainer=wishes.trainer,
                )
                trained = offering.train(before, now=now)
            elif kind is ModelKind.INTENTS:
                trained = train_choosing(
                    past,
                    before,
                    held_out=wishes.held_out,
                    now=now,
                    progress=progress,
                    trainer=wishes.trainer,
                    moment_of=wishes.moment_of,
                )
            else:
                buying = buying or Buying(
                    past,
                    wishes.horizon_days,
                    held_out=wishes.held_out,
                    progress=progress,
                    trainer=wishes.trainer,
                )
                trained = buying.train(kind, before, now=now)
        except TooLittle as error:
            found.append(Outcome(kind, None, promoted=False, because=(str(error),)))
            continue
        found.append(_kept(registry, trained, before, promote=wishes.promote))
    return found


def _kept(
    registry: ModelRegistry, trained: Trained, before: InUse | None, *, promote: bool
) -> Outcome:
    card = trained.card
    version = registry.add(card, trained.booster)
    card = registry.card(card.kind, version)
    passed = card.decision.promoted
    because = list(card.decision.because)
    if passed and promote:
        registry.promote(card.kind, version, because="; ".join(because)[:500], by="train")
    elif passed:
        because.append(f"to use it: switchboard promote {card.kind} {version}")
    elif before is not None:
        because.append(f"{before.card.version} stays in use")
    return Outcome(card.kind, card, promoted=passed and promote, because=tuple(because))

"""What is to be supposed of a call that is only tried: when it comes, and facts of its caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from calls.offers import Propensities
from config.facts import PROPENSITY, FactKind
from config.located_yaml import read_yaml
from config.reading.examples import given_fact
from config.reading.moments import read_instant
from config.rulebook import Rulebook
from ivr.experiments import FACT
from ivr.known import Known


class WronglyGiven(ValueError):
    """With the sentence."""


@dataclass(frozen=True, slots=True)
class Given:
    """`facts` go before what is known of the caller; `propensity` is that of every product."""

    at: datetime | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    propensity: float | None = None
    #: By experiment.
    arms: Mapping[str, str] = field(default_factory=dict)

    def known(self, known: Known, rulebook: Rulebook) -> Known:
        known = replace(known, arms=self.arms)
        if self.propensity is None:
            return known
        products = {offer.product: self.propensity for offer in rulebook.offers.values()}
        before = known.propensities
        return replace(
            known,
            propensities=Propensities(
                intents=before.intents, products=products, intent_reasons=before.intent_reasons
            ),
        )


NOTHING_GIVEN = Given()


def split(facts: Mapping[str, object], zone: ZoneInfo | None) -> Given:
    """`facts` as an example has them; `zone` is the dialled number's."""
    placed = {name: _placed(value, zone) for name, value in facts.items()}
    propensity = placed.pop(PROPENSITY, None)
    share = float(propensity) if isinstance(propensity, int | float) else None
    arms = {
        name.removeprefix(FACT): str(placed.pop(name)) for name in list(placed) if _is_arm(name)
    }
    return Given(facts=placed, propensity=share, arms=arms)


def _is_arm(name: str) -> bool:
    return name.startswith(FACT)


def read_given(
    rulebook: Rulebook, dialled: str | None, at: str | None, facts: Sequence[str]
) -> Given:
    """`facts` are `NAME=VALUE`, `at` and they read as an example's. Raises WronglyGiven."""
    zone = rulebook.number_for(dialled or first_number(rulebook)).timezone
    try:
        moment = placed_at(read_instant(at, "--at"), zone) if at is not None else None
        found = dict(_read(rulebook, one) for one in facts)
    except ValueError as error:
        raise WronglyGiven(str(error)) from error
    return replace(split(found, zone), at=moment)


def first_number(rulebook: Rulebook) -> str:
    return next(iter(rulebook.numbers.values())).key


def placed_at(moment: datetime, zone: ZoneInfo | None) -> datetime:
    """Without a clock of its own: on that of `zone`, else on this machine's."""
    if moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=zone) if zone else moment.astimezone()


def _placed(value: object, zone: ZoneInfo | None) -> object:
    return placed_at(value, zone) if isinstance(value, datetime) else value


def _read(rulebook: Rulebook, written: str) -> tuple[str, object]:
    name, equals, text = written.partition("=")
    name = name.strip()
    if not (name and equals):
        raise ValueError(f"--fact is written like caller.tier=vip, not '{written[:60]}'")
    fact = rulebook.facts.get(name)
    value: Any = text.strip()
    # A shell takes the quotes away with which a rulebook says that digits are a text.
    if fact is None or fact.kind is not FactKind.TEXT:
        value = read_yaml("--fact", text.encode()).data
    return name, given_fact(rulebook.facts, name, value)

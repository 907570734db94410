"""Is the personal offer better than the one best offer for everybody? Asked of our own calls. Pure.

Only calls count whose offer was drawn with a chance that was kept, among two candidates or more.
What the personal choice and the best single offer would have earned in them is estimated twice
(SNIPS and doubly robust, `scoring.models.off_policy`), whole contacts drawn anew. Personal is put
to use where it is better by both, at the lower ends of intervals as wide as the look demands
(`scoring.policy.looks`). From then on it stays until it is worse by either, at the upper end of a
plain 95 % interval: not being sure any more, in a thin month or by stricter figures, is no reason
to change what callers hear every other day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scoring.models.metrics import Resampling
from scoring.policy.gains import PLAIN, Compared, Whole, compared
from scoring.policy.logged_table import LEAST_CHANCE, LoggedChoice, LoggedTable
from scoring.policy.looks import DEPLOY, FALL_BACK, LOOK, SPENT, Look

#: Below these nothing is claimed.
LEAST_CALLS, LEAST_ACCEPTED = 500, 30
#: Share of calls in which what each of the two would have chosen had a chance worth the name.
LEAST_SUPPORT = 0.9
#: Contacts who heard the one or the other where the two differ. Fewer have no spread to speak of.
#: Those whose offer was rare stand for many and count for less: `(sum of weights)^2 / sum of
#: squares` (Kish).
LEAST_DIFFERING = 20
#: The newest ones.
MAX_CALLS = 100_000
MAX_OFFERS = 200
#: Draws of contacts.
ROUNDS = 400


@dataclass(frozen=True, slots=True)
class Judgement:
    decision: str
    because: str
    figures: Mapping[str, Any] = field(default_factory=dict)


def judge(
    calls: Sequence[LoggedChoice],
    values: Mapping[str, float],
    look: Look | None = None,
    *,
    rounds: int = ROUNDS,
) -> Judgement:
    """`values` are the rulebook's by offer; 1 for what it does not hold any more. Without a `look`
    it is the first one."""
    look = look or Look()
    usable = [one for one in calls if one.is_usable][-MAX_CALLS:]
    offers = sorted({name for one in usable for name in one.candidates})[:MAX_OFFERS]
    accepted = sum(one.accepted for one in usable)
    figures: dict[str, Any] = {
        "calls": len(usable),
        "accepted": accepted,
        "contacts": len({one.contact for one in usable}),
        "offers": len(offers),
    }
    if len(usable) < LEAST_CALLS or accepted < LEAST_ACCEPTED:
        because = (
            f"{len(usable)} calls whose offer was drawn by chance, {accepted} of them accepted: "
            f"nothing is claimed below {LEAST_CALLS} and {LEAST_ACCEPTED}"
        )
        return _not_judged(look, because, figures)
    known = set(offers)
    table = LoggedTable.of(
        [one for one in usable if one.candidates.keys() <= known], offers, values
    )
    return judged(table, look, figures, rounds=rounds)


def judged(
    table: LoggedTable, look: Look, figures: Mapping[str, Any], *, rounds: int = ROUNDS
) -> Judgement:
    """Of calls that are enough."""
    rates = table.rates()
    personal, single = table.best_of(table.worths), table.best_of(rates)
    tried = np.minimum(table.chance_of(personal), table.chance_of(single)) >= LEAST_CHANCE
    support = float(tried.mean())
    told = {
        **figures,
        "support": support,
        "differs": float((personal != single).mean()),
        "best_single": table.offers[int(np.argmax(rates))],
    }
    if support < LEAST_SUPPORT:
        because = (
            f"in {support:.0%} of the calls only both choices had a chance of {LEAST_CHANCE:.1%}: "
            "what was hardly ever tried cannot be judged"
        )
        return _not_judged(look, because, told)
    differing = min(_hearers(table, personal, single), _hearers(table, single, personal))
    if differing < LEAST_DIFFERING:
        because = (
            f"where the personal offer is another one than the best single offer, only {differing} "
            f"callers heard each: nothing is claimed below {LEAST_DIFFERING}"
        )
        return _not_judged(look, because, told)
    resampling = Resampling(table.contacts, rounds=rounds)
    gains = compared(table.as_logged(), personal, single, resampling, differing - 1)
    alpha = PLAIN if look.in_use else look.alpha
    told |= {name: one.told(alpha) for name, one in gains.items()}
    return _decided(gains, look, told | {LOOK: look.number, SPENT: look.alpha})


def _hearers(table: LoggedTable, ours: Whole, theirs: Whole) -> int:
    """Contacts who heard ours where theirs is another offer, as many as they are worth."""
    rows = (table.shown == ours) & (ours != theirs)
    weight = 1 / np.maximum(table.chance_of(table.shown)[rows], LEAST_CHANCE)
    of_contact = np.bincount(table.contacts[rows], weight)
    squares = float(of_contact @ of_contact)
    return int(float(of_contact.sum()) ** 2 / squares) if squares else 0


def _not_judged(look: Look, because: str, figures: Mapping[str, Any]) -> Judgement:
    """No look is spent, and nothing is known against what is in use."""
    if not look.in_use:
        return Judgement(FALL_BACK, because, {**figures, LOOK: None})
    kept = {**figures, LOOK: look.number, SPENT: look.alpha}
    return Judgement(DEPLOY, f"personal stays in use; {because}", kept)


def _decided(gains: Mapping[str, Compared], look: Look, figures: Mapping[str, Any]) -> Judgement:
    alpha = PLAIN if look.in_use else look.alpha
    bounds = [one.gain.bounds(alpha) for one in gains.values()]
    told = f"{_told(gains, alpha)}; {look.told}"
    if look.in_use:
        if any(high < 0 for _, high in bounds):
            because = f"personal earns less than the best single offer: {told}"
            return Judgement(FALL_BACK, because, figures)
        because = f"personal stays in use, not shown to earn less: {told}"
        return Judgement(DEPLOY, because, figures)
    if not all(low > 0 for low, _ in bounds):
        because = f"not shown that personal earns more than the best single offer: {told}"
        return Judgement(FALL_BACK, because, figures)
    if not look.may_deploy:
        because = f"today's look did not show that personal earns more; this run did: {told}"
        return Judgement(FALL_BACK, because, figures)
    return Judgement(DEPLOY, f"personal earns more than the best single offer: {told}", figures)


def _told(gains: Mapping[str, Compared], alpha: float) -> str:
    parts = []
    for name, one in gains.items():
        low, high = one.gain.bounds(alpha)
        parts.append(f"{name} {one.gain.value:+.4g} a call ({low:+.4g} to {high:+.4g})")
    return ", ".join(parts)

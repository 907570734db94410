"""A log of calls that never were: folded, measured, and bounded."""

from __future__ import annotations

import math
from collections import deque
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from calls.call import CallId, CallOutcome, Direction
from calls.caller import ContactRef
from calls.offers import OfferAnswer, OfferPlace
from calls.past_calls import PastCallTold, PastConsidered, PastOffer
from scoring.drift.call_log import LOOK_BACK_DAYS, CallLog
from scoring.drift.findings import Finding, Level, worst_of
from scoring.drift.measuring import Watched, measured
from scoring.drift.population_shift import reference_of
from scoring.drift.served_scores import AtTraining

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 28, 2, 30, tzinfo=UTC)


def call(
    number: int,
    *,
    days_ago: float = 1,
    score: float | None = 0.3,
    answer: OfferAnswer | None = OfferAnswer.HEARD,
    contact: str | None = "C1",
    direction: Direction = Direction.INBOUND,
) -> PastCallTold:
    at = NOW - timedelta(days=days_ago)
    return PastCallTold(
        call_id=CallId("pbx", f"1.{number}"),
        contact=ContactRef("embedded", contact) if contact else None,
        arrived_at=at,
        ended_at=at + timedelta(minutes=3),
        dialled="+18005550100",
        direction=direction,
        outcome=CallOutcome.ANSWERED,
        offers=(PastOffer("fibre", OfferPlace.MENU, answer, at),) if answer else (),
        considered=(PastConsidered("fibre", True, score), PastConsidered("mobile", False, None)),
    )


def logged(calls: list[PastCallTold]) -> CallLog:
    log = CallLog(now=NOW)
    for each in calls:
        log.add(each)
    return log


def by_measure(found: list[Finding]) -> dict[str, Finding]:
    return {each.measure: each for each in found}


def test_folding() -> None:
    log = logged(
        [
            call(1, days_ago=LOOK_BACK_DAYS + 1),
            call(2, days_ago=60, contact=None, score=None, answer=None),
            call(3, days_ago=60, score=0.2),
            call(4, answer=OfferAnswer.ACCEPTED),
            call(5, answer=OfferAnswer.CLAIMED, score=math.nan),
            call(6, days_ago=-1),
            call(7, direction=Direction.OUTBOUND),
            call(8, score=None),
        ]
    )
    assert (log.recent.calls, log.recent.unknown) == (3, 0)
    assert (log.before.calls, log.before.unknown) == (2, 1)
    assert [(row.probability, row.happened) for row in log.offers][:2] == [
        (0.2, False),
        (0.3, True),
    ]
    assert math.isnan(log.offers[2].probability)
    assert (list(log.scores), list(log.scores_before)) == ([0.3], [0.2])


def test_it_is_bounded() -> None:
    log = CallLog(now=NOW, offers=deque(maxlen=10), scores=deque(maxlen=10))
    for number in range(50):
        log.add(call(number, score=number / 100))
    assert [row.probability for row in log.offers] == [n / 100 for n in range(40, 50)]


def house(*, is_worse: bool) -> CallLog:
    """Five months of calls; in the last one the score says nothing any more, if `is_worse`."""
    random = np.random.default_rng(21)
    calls = []
    for number, days_ago in enumerate(np.linspace(150, 0.1, 4_000)):
        chance = float(1 / (1 + np.exp(-random.normal(-1, 1.5))))
        is_lost = is_worse and days_ago < 30
        accepts = random.random() < (0.33 if is_lost else chance)
        answer = OfferAnswer.ACCEPTED if accepts else OfferAnswer.REFUSED
        contact = f"C{number % 900}" if number % 5 else None
        calls.append(
            call(number, days_ago=float(days_ago), score=chance, answer=answer, contact=contact)
        )
    return logged(calls)


def model() -> Watched:
    random = np.random.default_rng(22)
    return Watched(
        kind="offers",
        version="20260601-023000-0123abcd",
        trained_at=NOW - timedelta(days=170),
        in_use_since=NOW - timedelta(days=169),
        at_training=AtTraining(auc=0.79, ece=0.02, log_loss=0.47),
        references={
            "visits": reference_of(random.gamma(2, size=2_000)),
            "gone": reference_of(np.array([])),
        },
    )


def test_nothing_is_said_while_nothing_changes() -> None:
    columns = {"visits": np.random.default_rng(23).gamma(2, size=2_000)}
    found = measured(house(is_worse=False), [model()], columns)
    assert worst_of(found) is Level.STEADY, [each.said for each in found]
    assert {each.measure for each in found} == {
        "unknown_callers",
        "auc",
        "ece",
        "log_loss",
        "psi",
        "outcome_rate",
        "residual",
    }


def test_a_score_that_says_nothing_any_more_is_to_be_trained_again() -> None:
    found = by_measure(measured(house(is_worse=True), [model()], {}))
    assert found["auc"].level is Level.RETRAIN
    assert found["auc"].said.startswith(
        "the score of offers ranks worse than at training: AUC .79 -> ."
    )
    assert found["unknown_callers"].level is Level.STEADY


def test_a_feature_that_moved_is_named() -> None:
    columns = {"visits": np.random.default_rng(23).gamma(2, size=2_000) + 2}
    found = measured(house(is_worse=False), [model()], columns)
    assert [(each.subject, each.level) for each in found if each.level.rank > 1] == [
        ("visits", Level.RETRAIN)
    ]


def test_without_model_and_calls_nothing_is_claimed() -> None:
    found = measured(CallLog(now=NOW), [], {}, watches_outcomes=False)
    assert {each.level for each in found} == {Level.UNKNOWN}
    assert {each.measure for each in found} == {"unknown_callers", "auc", "ece", "log_loss"}

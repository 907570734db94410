"""Who may be promoted: only who is surely better, or as good and fresher."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from scipy.special import expit

from scoring.training.gate import Champion, judge
from scoring.training.judged import Judged, calibrated, log_losses

pytestmark = pytest.mark.unit

UNTIL = date(2026, 3, 1)
OLD = Champion("20260101-000000-aaaaaaaa", UNTIL - timedelta(days=60))


def judged(ours: float, *, champion: float | None = None, rows: int = 1_500) -> Judged:
    """`ours` and `champion`: how much noise is on the true logit."""
    random = np.random.default_rng(5)
    margin = random.normal(0, 2, rows)
    truth = (random.random(rows) < expit(margin)).astype(np.float64)
    noise = random.normal(0, 1, rows)
    return Judged(
        truth=truth,
        ours=expit(margin + ours * noise),
        who=np.arange(rows),
        block=np.arange(rows) % 2,
        others={"counting": expit(margin / 3), "nothing": np.full(rows, 0.5)},
        champion=None if champion is None else expit(margin + champion * noise[::-1]),
    )


def test_the_first_model_must_beat_the_best_baseline() -> None:
    verdict, gains = judge(judged(0.1), log_losses, until=UNTIL, champion=None)
    assert verdict.promoted
    assert gains["counting"].low > 0
    assert "counting, the best baseline" in verdict.because[0]


def test_a_model_no_better_than_counting_is_refused() -> None:
    verdict, _ = judge(judged(3.0), log_losses, until=UNTIL, champion=None)
    assert not verdict.promoted
    assert "counting stays" in verdict.because[-1]


def test_a_better_model_replaces_the_one_in_use() -> None:
    verdict, gains = judge(judged(0.1, champion=2.0), log_losses, until=UNTIL, champion=OLD)
    assert verdict.promoted
    assert gains[OLD.version].low > 0


def test_a_worse_model_does_not_though_it_beats_counting() -> None:
    verdict, gains = judge(judged(0.7, champion=0.0), log_losses, until=UNTIL, champion=OLD)
    assert gains["counting"].low > 0
    assert not verdict.promoted
    assert f"{OLD.version}, which stays" in verdict.because[-1]


def test_as_good_and_fresher_is_good_enough() -> None:
    same = judged(0.1)
    same = Judged(same.truth, same.ours, same.who, same.block, same.others, champion=same.ours)
    assert judge(same, log_losses, until=UNTIL, champion=OLD)[0].promoted
    fresh = Champion(OLD.version, UNTIL)
    assert not judge(same, log_losses, until=UNTIL, champion=fresh)[0].promoted


def test_a_champion_that_has_seen_all_tests_is_not_compared() -> None:
    verdict, _ = judge(judged(0.1), log_losses, until=UNTIL, champion=OLD)
    assert not verdict.promoted
    assert "nothing came since" in verdict.because[-1]


def test_a_calibration_is_kept_only_if_the_next_block_is_better_for_it() -> None:
    off = judged(0.0)
    moved = Judged(
        off.truth, expit(np.log(off.ours / (1 - off.ours)) + 1.5), off.who, off.block, {}
    )
    found, platt = calibrated(moved)
    assert platt is not None
    assert platt.b == pytest.approx(-1.5, abs=0.4)
    newest = found.block == 0
    assert log_losses(found.truth, found.ours)[newest].mean() < (
        log_losses(moved.truth, moved.ours)[newest].mean()
    )
    stale = moved.ours.copy()
    stale[newest] = off.ours[newest]
    unchanged, none = calibrated(Judged(off.truth, stale, off.who, off.block, {}))
    assert none is None
    assert (unchanged.ours == stale).all()

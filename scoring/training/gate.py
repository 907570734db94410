"""Whether a new model may be used: measured against what is used now, or what counting says. Pure.

See docs/decisions/0018-a-model-earns-its-place.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from scoring.models.metrics import Interval
from scoring.registry.card import Verdict
from scoring.training.judged import Judged, Loss, gain_over

#: As good as the champion: at worst so much of the champion's loss is lost.
NON_INFERIOR = 0.01


@dataclass(frozen=True, slots=True)
class Champion:
    """The version in use; `until` is the last day that it learned from."""

    version: str
    until: date


def judge(
    judged: Judged,
    loss: Loss,
    *,
    until: date,
    champion: Champion | None,
) -> tuple[Verdict, Mapping[str, Interval]]:
    """The verdict, and by name how much our loss is smaller."""
    gains = {name: gain_over(judged, other, loss) for name, other in judged.others.items()}
    best = min(
        judged.others, key=lambda name: float(loss(judged.truth, judged.others[name]).mean())
    )
    against_best = gains[best]
    because = [f"loss against {_words(best)}, the best baseline: {_told(against_best)}"]
    if not against_best.low > 0:
        because.append(f"not surely better than {_words(best)}: {_words(best)} stays")
        return Verdict(promoted=False, because=tuple(because)), gains
    if champion is None:
        because.append("better than every baseline, and no model is in use yet")
        return Verdict(promoted=True, because=tuple(because)), gains
    passed = _against_champion(
        judged, loss, until=until, champion=champion, gains=gains, because=because
    )
    return Verdict(promoted=passed, because=tuple(because)), gains


def _against_champion(
    judged: Judged,
    loss: Loss,
    *,
    until: date,
    champion: Champion,
    gains: dict[str, Interval],
    because: list[str],
) -> bool:
    """Adds the comparison to `gains` and why to `because`."""
    scores = judged.champion
    unseen = np.zeros(len(judged), dtype=bool) if scores is None else np.isfinite(scores)
    if scores is None or not unseen.any():
        because.append(
            f"{champion.version} learned up to {champion.until}: nothing came since that both can "
            "be tested on; it stays"
        )
        return False
    both = judged.kept(unseen)
    assert both.champion is not None
    gain = gain_over(both, both.champion, loss)
    gains[champion.version] = gain
    because.append(f"loss against {champion.version}, in use: {_told(gain)}")
    if gain.low > 0:
        because.append("surely better than the one in use")
        return True
    worst = -NON_INFERIOR * float(np.abs(loss(both.truth, both.champion)).mean())
    fresher = (until - champion.until).days
    if fresher > 0 and math.isfinite(gain.low) and gain.low > worst:
        because.append(f"not worse than the one in use, and learned from {fresher} days more")
        return True
    because.append(f"not surely better than {champion.version}, which stays")
    return False


def _told(gain: Interval) -> str:
    word = "smaller" if gain.value >= 0 else "larger"
    return f"{word} by {abs(gain.value):.4f} (gain {gain.low:+.4f} to {gain.high:+.4f})"


def _words(name: str) -> str:
    return name.replace("_", " ")

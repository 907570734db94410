"""In which order options are spoken, and how long a caller listens for theirs. Pure.

Ordered by probability over spoken duration, descending, the mean time to hear one's own option is
least: of two neighbours, a before b makes the callers of b wait p_b * s_a, b before a those of a
p_a * s_b. So a goes first where p_a / s_a is more, and such swaps sort any order, none for worse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TypeVar

from ivr.sentences import estimated_s, fragments

#: A probability for what nobody was seen to choose yet, where the others leave less.
LEAST = 0.01

K = TypeVar("K")
T = TypeVar("T")


@lru_cache(maxsize=4_096)
def estimated_seconds(text: str, language: str) -> float:
    """How long a text is to listen to, about, where nobody measured it."""
    return sum(estimated_s(sentence, language) for sentence in fragments(text))


def expected_seconds(options: Sequence[tuple[float, float]]) -> float:
    """Mean seconds until a caller has heard their own option to its end: `options` in spoken order
    as (probability, seconds). Callers who want none of them do not count."""
    heard = total = weight = 0.0
    for probability, seconds in options:
        heard += seconds
        total += probability * heard
        weight += probability
    return total / weight if weight else 0.0


def shortest_wait(
    items: Sequence[T], probability: Callable[[T], float], seconds: Callable[[T], float]
) -> list[T]:
    """The order with the least `expected_seconds`; equals keep the order they had."""

    def worth(item: T) -> float:
        return probability(item) / max(seconds(item), 1e-9)

    return sorted(items, key=worth, reverse=True)


def filled_up(options: Sequence[K], known: Mapping[K, float]) -> dict[K, float] | None:
    """A probability for each option; those that are not known share what the others leave, and
    have LEAST at least. None where none is known: nothing is to be ordered by."""
    found = {option: min(1.0, max(0.0, known[option])) for option in options if option in known}
    if not found:
        return None
    missing = len(options) - len(found)
    share = max(LEAST, (1.0 - sum(found.values())) / missing) if missing else 0.0
    return {option: found.get(option, share) for option in options}

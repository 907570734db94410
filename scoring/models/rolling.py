"""Forecasts of a stream of outcomes, retrained as they come; each row by what came before it.

Several models with a longer or shorter memory answer together (the mean of their logits): nobody
knows beforehand how fast the world changes. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from scoring.models.boosting import Boosting, train
from scoring.models.calibration import fit_shift, logits, unchanged
from scoring.models.linear import Logistic, train_logistic

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

#: Outcomes of so many rows before: how it goes just now.
LAGS = (20, 50, 100, 200, 500, 1_000, 2_000)
#: Rows remembered by the trees, and by the regressions; None: all.
TREE_MEMORIES: tuple[int | None, ...] = (10_000, 20_000, None)
LINE_MEMORIES: tuple[int | None, ...] = (5_000, 20_000)
#: Of fewer rows nothing is learned.
SHORTEST_MEMORY = 200
#: Rows forecast before the first that counts, to learn how far the level is off.
WARM_UP = 2_000
WARM_UP_BLOCKS = 20
#: The level is put right by the last so many forecasts.
LEVEL_ROWS = 1_000

SHAPE = Boosting(trees=80, depth=3, learning_rate=0.06)

#: Told rows done and all.
Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Block:
    """Rows `start` to `end` (not with it) are forecast by a model of the rows before `known`."""

    known: int
    start: int
    end: int


def blocks(start: int, rows: int, every: int, embargo: int = 0) -> Iterator[Block]:
    """`embargo`: so many rows before a block have no outcome yet when it is forecast."""
    for first in range(start, rows, every):
        yield Block(max(0, first - embargo), first, min(rows, first + every))


def lagged_rates(truth: Floats, known: NDArray[np.int64]) -> Matrix:
    """By row: the share of good outcomes among the last LAGS of those known then, drawn towards
    the share of all known by ten rows. `known[i]` rows had their outcome when row i came."""
    sums = np.concatenate(([0.0], np.cumsum(truth)))
    overall = (sums[known] + 1) / (known + 2)
    columns = []
    for lag in LAGS:
        since = np.maximum(known - lag, 0)
        columns.append((sums[known] - sums[since] + 10 * overall) / (known - since + 10))
    return np.column_stack(columns).astype(np.float32)


def rolled(
    rows: Matrix,
    truth: Floats,
    start: int,
    every: int,
    *,
    embargo: int = 0,
    told: Told | None = None,
) -> Floats:
    """Probabilities of the rows from `start` on."""
    warm = max(_least(truth), start - min(WARM_UP, WARM_UP_BLOCKS * every))
    warm = start - (start - warm) // every * every if warm < start else start
    raw = np.full(len(truth), np.nan)
    levelled = np.full(len(truth), np.nan)
    answered = np.full(len(truth), np.nan)
    lines: dict[int | None, Logistic] = {}
    for block in blocks(warm, len(truth), every, embargo):
        here = slice(block.start, block.end)
        raw[here] = _together(rows, truth, block, lines)
        past = slice(max(warm, block.known - LEVEL_ROWS), block.known)
        seen = np.flatnonzero(np.isfinite(levelled[: block.known]))
        move = fit_shift(truth[past], raw[past]) if len(raw[past]) >= 50 else unchanged
        levelled[here] = move(raw[here])
        # Taken only where it would have been better so far, on rows it was not fitted to.
        better = len(seen) >= LEVEL_ROWS // 2 and _loss(truth, levelled, seen) < _loss(
            truth, raw, seen
        )
        answered[here] = levelled[here] if better else raw[here]
        if told is not None:
            told(block.end - warm, len(truth) - warm)
    return answered[start:]


def frozen(rows: Matrix, truth: Floats, start: int) -> Floats:
    """The same models, trained once on the rows before `start`."""
    return _together(rows, truth, Block(start, start, len(truth)), {})


def frozen_line(rows: Matrix, truth: Floats, start: int) -> Floats:
    """A logistic regression trained once."""
    return train_logistic(rows[:start], truth[:start]).answers(rows[start:])


def _together(
    rows: Matrix, truth: Floats, block: Block, lines: dict[int | None, Logistic]
) -> Floats:
    known, asked = block.known, rows[block.start : block.end]
    names = [str(number) for number in range(rows.shape[1])]
    answers = []
    for memory in _memories(TREE_MEMORIES, known):
        past = slice(known - (memory or known), known)
        trees = train(SHAPE, rows[past], truth[past], names=names)
        answers.append(logits(trees.answers(asked)))
    for memory in _memories(LINE_MEMORIES, known):
        past = slice(known - (memory or known), known)
        line = train_logistic(rows[past], truth[past], start=lines.get(memory))
        lines[memory] = line
        answers.append(logits(line.answers(asked)))
    return np.asarray(expit(np.mean(answers, axis=0)))


def _memories(wanted: tuple[int | None, ...], known: int) -> list[int | None]:
    """Those shorter than what is known; of a short history all, and its last quarter."""
    shorter: list[int | None] = [each for each in wanted if each is not None and each < known]
    if not shorter:
        return [max(known // 4, SHORTEST_MEMORY), None] if known > SHORTEST_MEMORY else [None]
    return [*shorter, None] if None in wanted or len(shorter) < len(wanted) else shorter


def _least(truth: Floats) -> int:
    """The rows needed to have seen both outcomes some times."""
    both = np.minimum(np.cumsum(truth), np.cumsum(1 - truth))
    enough = np.flatnonzero(both >= 10)
    return int(enough[0]) + 1 if len(enough) else len(truth)


def _loss(truth: Floats, chance: Floats, which: NDArray[np.int64]) -> float:
    margin = logits(chance[which])
    return float(np.mean(np.logaddexp(0, margin) - truth[which] * margin))

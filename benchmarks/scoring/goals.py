"""The goals of scoring and what a run reached, as a table."""

from __future__ import annotations

from dataclasses import dataclass

from scoring.evaluation.figures import Evaluation, Figure
from scoring.models.metrics import Interval


@dataclass(frozen=True, slots=True)
class Row:
    """`measured`: a figure of the same protocol measured before this code was, where there is one.
    `others`: baselines of this very run."""

    goal: str
    what: str
    measured: str
    aim: str
    value: float
    low: float
    high: float
    met: bool | None
    others: str
    verdict: str = ""


def row_of(goal: str, what: str, figure: Figure, *, measured: str, aim: float | None) -> Row:
    others = "; ".join(f"{name} {each.value:.4f}" for name, each in figure.others.items())
    gain = figure.gain
    verdict = figure.verdict
    if gain is not None:
        verdict += f" ({gain.value:+.4f}, {gain.low:+.4f} to {gain.high:+.4f})"
    return made(
        goal,
        what,
        figure.model,
        measured=measured,
        aim=aim,
        higher=figure.higher_is_better,
        others=others,
        verdict=verdict,
    )


def made(
    goal: str,
    what: str,
    found: Interval,
    *,
    measured: str,
    aim: float | None,
    higher: bool,
    others: str = "",
    verdict: str = "",
) -> Row:
    met = None
    if aim is not None:
        met = bool(found.value >= aim if higher else found.value <= aim)
    words = "–" if aim is None else f"{'≥' if higher else '≤'} {aim:g}"
    # Plain numbers, which JSON knows, in place of numpy's.
    value, low, high = float(found.value), float(found.low), float(found.high)
    return Row(goal, what, measured, words, value, low, high, met, others, verdict)


def figure_of(found: Evaluation, section: str, name: str) -> Figure:
    figures = next(each for each in found.sections if each.title == section).figures
    return next(each for each in figures if each.name == name)


def table(rows: list[Row]) -> str:
    lines = [
        "| goal | what | measured before | goal | reached (95 % interval) | met | baselines of this"
        " run | against the best of them |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        met = {True: "yes", False: "**missed**", None: "–"}[row.met]
        # What ran once has no interval.
        reached = f"{row.value:,.1f}"
        if row.low != row.high:
            reached = f"{row.value:.4f} ({row.low:.4f} to {row.high:.4f})"
        lines.append(
            f"| {row.goal} | {row.what} | {row.measured} | {row.aim} | {reached} | {met} "
            f"| {row.others or '–'} | {row.verdict or '–'} |"
        )
    return "\n".join(lines)

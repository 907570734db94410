"""How an experiment goes: by arm and guardrail the rates and the evidence of harm. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from config.experiments import Experiment
from scoring.policy.experiment_book import REPEAT, RUNNING, ArmState, Subject
from scoring.policy.guardrails import ALPHA, Evidence, Seen, evidence_of_harm


@dataclass(frozen=True, slots=True)
class Guardrail:
    """`words` complete "of 100 callers so many ..."."""

    name: str
    words: str
    is_bad: Callable[[Subject], bool]
    #: Known of a caller only when a week is over.
    is_late: bool = False


GUARDRAILS = (
    Guardrail("zero_out", "pressed 0 for a person", lambda one: one.zero_out),
    Guardrail("abandoned", "rang off unanswered", lambda one: one.abandoned),
    Guardrail("repeat_7d", "called again within 7 days", lambda one: one.repeated, is_late=True),
)


@dataclass(frozen=True, slots=True)
class GuardrailFigures:
    guardrail: str
    callers: int
    bad: int
    #: The same of the control arm, since the arm counts.
    control_callers: int
    control_bad: int
    #: None of the control arm itself.
    evidence: Evidence | None

    @property
    def because(self) -> str:
        """Of an arm that is stopped by it."""
        words = next(each.words for each in GUARDRAILS if each.name == self.guardrail)
        evidence = self.evidence.value if self.evidence else 1.0
        return (
            f"{self.bad} of {self.callers} callers {words}, of the control arm {self.control_bad} "
            f"of {self.control_callers}: evidence {evidence:.3g}"
        )

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "guardrail": self.guardrail,
            "callers": self.callers,
            "bad": self.bad,
            "rate": self.bad / self.callers if self.callers else None,
            "control_callers": self.control_callers,
            "control_bad": self.control_bad,
        }
        if self.evidence is not None:
            found |= {
                "evidence": self.evidence.value,
                "limit": self.evidence.limit,
                "pairs": self.evidence.pairs,
            }
        return found


@dataclass(frozen=True, slots=True)
class ArmFigures:
    arm: str
    is_control: bool
    state: ArmState
    guardrails: tuple[GuardrailFigures, ...]

    @property
    def harm(self) -> GuardrailFigures | None:
        """What stops the arm."""
        found = [one for one in self.guardrails if one.evidence and one.evidence.stops]
        return found[0] if found else None


def figures_of(
    experiment: Experiment,
    subjects: Sequence[Subject],
    states: Mapping[tuple[str, str], ArmState],
    now: datetime,
) -> Iterator[ArmFigures]:
    """Every arm of the rulebook; callers of arms that are gone from it are left out."""
    others = max(len(experiment.arms) - 1, 1)
    for arm in experiment.arms:
        is_control = arm.name == experiment.control
        state = states.get((experiment.name, arm.name), RUNNING)
        since = state.counts_from
        counted = [
            one
            for one in subjects
            if one.arm in {arm.name, experiment.control} and (since is None or one.at >= since)
        ]
        figures = tuple(
            _figures(each, arm.name, is_control, counted, now, ALPHA / (len(GUARDRAILS) * others))
            for each in GUARDRAILS
        )
        yield ArmFigures(arm.name, is_control, state, figures)


def _figures(  # noqa: PLR0917
    guardrail: Guardrail,
    arm: str,
    is_control: bool,
    subjects: Sequence[Subject],
    now: datetime,
    alpha: float,
) -> GuardrailFigures:
    known = [one for one in subjects if not guardrail.is_late or one.at + REPEAT <= now]
    seen = [Seen(one.arm == arm, guardrail.is_bad(one)) for one in known]
    ours, theirs = [one for one in seen if one.is_arm], [one for one in seen if not one.is_arm]
    return GuardrailFigures(
        guardrail=guardrail.name,
        callers=len(ours),
        bad=sum(one.is_bad for one in ours),
        control_callers=len(ours) if is_control else len(theirs),
        control_bad=sum(one.is_bad for one in (ours if is_control else theirs)),
        evidence=None if is_control else evidence_of_harm(seen, alpha=alpha),
    )

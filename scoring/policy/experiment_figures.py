"""How an experiment goes: by arm and guardrail the rates and the evidence of harm. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from config.experiments import Experiment
from scoring.policy.experiment_book import REPEAT, RUNNING, ArmState, Subject
from scoring.policy.guardrails import ALPHA, Evidence, Harm, Seen


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


class ExperimentCount:
    """Every arm of the rulebook; callers of arms that are gone from it are left out. Callers are
    told in the order they came, in as many parts as one likes; none of them is kept."""

    def __init__(
        self, experiment: Experiment, states: Mapping[tuple[str, str], ArmState], now: datetime
    ) -> None:
        alpha = ALPHA / (len(GUARDRAILS) * max(len(experiment.arms) - 1, 1))
        self._control = experiment.control
        self._now = now
        self._arms = []
        for arm in experiment.arms:
            state = states.get((experiment.name, arm.name), RUNNING)
            counts = [_Count(each, arm.name, experiment.control, alpha) for each in GUARDRAILS]
            self._arms.append((arm.name, state, counts))

    def add(self, subjects: Sequence[Subject]) -> None:
        for arm, state, counts in self._arms:
            since = state.counts_from
            counted = [
                one
                for one in subjects
                if one.arm in {arm, self._control} and (since is None or one.at >= since)
            ]
            for each in counts:
                each.add(counted, self._now)

    def figures(self) -> tuple[ArmFigures, ...]:
        return tuple(
            ArmFigures(arm, arm == self._control, state, tuple(each.figures() for each in counts))
            for arm, state, counts in self._arms
        )


class _Count:
    """One guardrail of one arm."""

    def __init__(self, guardrail: Guardrail, arm: str, control: str, alpha: float) -> None:
        self._guardrail = guardrail
        self._arm = arm
        self._harm = Harm(alpha=alpha) if arm != control else None
        #: Callers, and how many of them were bad: of the control arm and of this one.
        self._seen, self._bad = [0, 0], [0, 0]

    def add(self, subjects: Sequence[Subject], now: datetime) -> None:
        rail = self._guardrail
        seen = [
            Seen(one.arm == self._arm, rail.is_bad(one))
            for one in subjects
            if not rail.is_late or one.at + REPEAT <= now
        ]
        for one in seen:
            self._seen[one.is_arm] += 1
            self._bad[one.is_arm] += one.is_bad
        if self._harm is not None:
            self._harm.add(seen)

    def figures(self) -> GuardrailFigures:
        of_control = int(self._harm is None)
        return GuardrailFigures(
            guardrail=self._guardrail.name,
            callers=self._seen[True],
            bad=self._bad[True],
            control_callers=self._seen[of_control],
            control_bad=self._bad[of_control],
            evidence=None if self._harm is None else self._harm.evidence,
        )

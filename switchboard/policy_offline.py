"""What `switchboard experiments` and `switchboard offers policy` do beside a running server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from calls.errors import Misconfigured
from calls.offer_choice import OfferCandidate
from config.experiments import Experiment
from config.problems import did_you_mean
from config.settings import Settings
from crm_adapter.call_histories import DatabaseCallHistories
from scoring.policy import experiment_book
from scoring.policy.experiment_book import PERSON
from scoring.policy.experiment_counts import counted
from scoring.policy.experiment_figures import ArmFigures
from scoring.policy.gate_run import newest_judgement, run_gate
from scoring.policy.ladder import Ladder
from scoring.policy.learned import LearnedPolicies
from scoring.policy.looks import KeptJudgement
from switchboard.offline import opened, rulebook_in_use


@dataclass(frozen=True, slots=True)
class ExperimentShown:
    experiment: Experiment
    arms: tuple[ArmFigures, ...]
    is_running: bool


async def experiments_shown(settings: Settings) -> Sequence[ExperimentShown]:
    """Those of the rulebook in use. Raises ProblemsFound where it cannot be used."""
    known, now = rulebook_in_use(settings, None).experiments, datetime.now(UTC)
    shown = []
    async with opened(settings) as database:
        states = await experiment_book.states_of(database)
        for experiment in known.values():
            arms = await counted(database, experiment, states, now)
            period = experiment.period
            is_running = period is None or period.holds_at(now)
            shown.append(ExperimentShown(experiment, arms, is_running))
    return shown


async def arms_stopped(
    settings: Settings, name: str, arm: str | None, because: str
) -> Sequence[str]:
    """The arms that were running until now; `arm` None: all but the control arm. Raises
    Misconfigured for a name that is not in the rulebook."""
    arms, changed = _arms(settings, name, arm), []
    async with opened(settings) as database:
        for one in arms:
            work = partial(
                experiment_book.stop,
                experiment=name,
                arm=one,
                at=datetime.now(UTC),
                by=PERSON,
                because=because,
            )
            if await database.writer.write(work):
                changed.append(one)
    return changed


async def arms_resumed(settings: Settings, name: str, arm: str | None) -> Sequence[str]:
    """The arms that were stopped until now. Raises Misconfigured as above."""
    arms, changed = _arms(settings, name, arm), []
    async with opened(settings) as database:
        for one in arms:
            work = partial(experiment_book.resume, experiment=name, arm=one, at=datetime.now(UTC))
            if await database.writer.write(work):
                changed.append(one)
    return changed


def _arms(settings: Settings, name: str, arm: str | None) -> Sequence[str]:
    known = rulebook_in_use(settings, None).experiments
    experiment = known.get(name)
    if experiment is None:
        raise Misconfigured(
            f"the rulebook has no experiment '{name[:60]}'{did_you_mean(name, known)}"
        )
    others = [one.name for one in experiment.arms if one.name != experiment.control]
    if arm is None:
        return others
    if arm == experiment.control:
        sentence = f"'{arm}' is the control arm: the others fall back to it, so it cannot end"
        raise Misconfigured(sentence)
    if arm not in others:
        raise Misconfigured(
            f"the experiment '{name}' has no arm '{arm[:60]}'{did_you_mean(arm, others)}"
        )
    return [arm]


@dataclass(frozen=True, slots=True)
class PolicyShown:
    """`chosen` is how offers are chosen now, `judged` what the gate said last. By segment and
    offer: how many heard it, how many accepted, and its chance among all of that segment."""

    chosen: str
    judged: KeptJudgement | None
    beliefs: tuple[Belief, ...]


@dataclass(frozen=True, slots=True)
class Belief:
    segment: str
    offer: str
    heard: float
    accepted: float
    mean: float
    chance: float


async def policy_shown(settings: Settings, *, judge_now: bool = False) -> PolicyShown:
    """Of the rulebook in use. Raises ProblemsFound where it cannot be used."""
    offers = rulebook_in_use(settings).offers
    values = {name: offer.value for name, offer in offers.items()}
    async with opened(settings) as database:
        if judge_now:
            histories = DatabaseCallHistories(database=database)
            await run_gate(database, histories, values, datetime.now(UTC))
        policies = LearnedPolicies(database=database, settings=settings.scoring)
        await policies.refresh()
        judged = await newest_judgement(database, datetime.now(UTC))
    ladder = policies.current
    candidates = [OfferCandidate(name, value, None) for name, value in values.items()]
    beliefs = tuple(
        one
        for segment in ladder.posteriors.segments
        for one in _beliefs(ladder, candidates, segment)
    )
    return PolicyShown(ladder.policy, judged, beliefs)


def _beliefs(
    ladder: Ladder, candidates: Sequence[OfferCandidate], segment: str
) -> Sequence[Belief]:
    shares = ladder.shares(candidates, segment)
    found = []
    for one in candidates:
        posterior = ladder.posteriors.of(segment, one.offer)
        counted = posterior.counted
        found.append(
            Belief(
                segment, one.offer, counted.heard, counted.accepted, posterior.mean,
                shares[one.offer],
            )
        )  # fmt: skip
    return found

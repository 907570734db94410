"""What `switchboard experiments` and `switchboard offers policy` do beside a running server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from calls.errors import Misconfigured
from config.experiments import Experiment
from config.problems import did_you_mean
from config.settings import Settings
from scoring.policy import experiment_book
from scoring.policy.experiment_book import PERSON
from scoring.policy.experiment_figures import ArmFigures, figures_of
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
            subjects = await experiment_book.subjects_of(database, experiment.name)
            arms = tuple(figures_of(experiment, subjects, states, now))
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

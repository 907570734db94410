"""Watches experiments: counts every call that ends, and stops an arm that does harm."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from calls import events
from calls.bus import EventBus
from calls.call import CallId, CallOutcome
from calls.errors import Unavailable
from calls.experiments import subject_of
from config.experiments import Experiment
from scoring.offer_ledger import utc_now
from scoring.policy import experiment_book
from scoring.policy.experiment_book import GUARDRAIL, ArmState, FirstCall, hashed
from scoring.policy.experiment_counts import counted
from scoring.policy.experiment_figures import ArmFigures
from storage.database import Database
from storage.transient import is_outage
from storage.writer import Work

log = logging.getLogger(__name__)

#: Between two looks; every node also learns by them what others have stopped.
LOOK_EVERY_S = 5.0
#: Looking takes no more than one part in so many of the time.
IDLE = 20
#: Calls followed at once; beyond, the one heard of longest ago is forgotten.
MAX_CALLS = 20_000
#: Calls whose writes wait at the same time, and so share a commit.
LANES = 32
#: Between tries while the database is away, for a quarter of an hour; the bus keeps what comes.
RETRIES_S = (0.2, 1.0, 5.0, 20.0, *(30.0,) * 30)

_ABANDONED = (CallOutcome.ABANDONED_IN_MENU, CallOutcome.ABANDONED_IN_QUEUE)


@dataclass(slots=True)
class _Story:
    subject: str | None = None
    arms: Mapping[str, str] = field(default_factory=dict)
    zero_out: bool = False


class ExperimentWatch:
    """Implements `calls.experiments.StoppedArms`. `async with` it after the database: stopped arms
    are known before the first call. `experiments` gives those of the current rulebook."""

    def __init__(
        self,
        *,
        database: Database,
        bus: EventBus,
        experiments: Callable[[], Mapping[str, Experiment]],
        now: Callable[[], datetime] = utc_now,
        every_s: float = LOOK_EVERY_S,
        retries_s: Sequence[float] = RETRIES_S,
    ) -> None:
        self._database = database
        self._bus = bus
        self._experiments = experiments
        self._now = now
        self._every_s = every_s
        self._retries_s = retries_s
        self._stories: OrderedDict[CallId, _Story] = OrderedDict()
        self._stopped: frozenset[tuple[str, str]] = frozenset()
        self._states: Mapping[tuple[str, str], ArmState] = {}
        #: Experiments of which something new is known.
        self._changed: set[str] = set()
        self.task: asyncio.Task[None] | None = None

    @property
    def stopped(self) -> Set[tuple[str, str]]:
        return self._stopped

    def subscribe(self) -> None:
        self._bus.subscribe(
            "scoring:experiments",
            self.handle,
            events.CallerIdentified,
            events.DecisionMade,
            events.OptionChosen,
            events.CallEnded,
            lanes=LANES,
        )

    async def __aenter__(self) -> Self:
        try:
            # Those that were stopped earlier are no news.
            self._stopped = await self._read_stopped()
        except (SQLAlchemyError, OSError, Unavailable):
            log.warning("experiments: it is not known yet which arms are stopped", exc_info=True)
        self._changed.update(self._experiments())
        self.task = asyncio.create_task(self._run(), name="scoring:experiments")
        return self

    async def __aexit__(self, *exc: object) -> None:
        task, self.task = self.task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def handle(self, event: events.CallEvent) -> None:
        """Raises Unavailable where the database stayed away; that call is not counted then."""
        match event:
            case events.CallerIdentified(call_id, caller=caller):
                self._story(call_id).subject = subject_of(caller)
            case events.DecisionMade(call_id, decision=decision):
                self._story(call_id).arms = decision.arms
            case events.OptionChosen(call_id, key=key) if key.outcome == "match":
                story = self._story(call_id)
                story.zero_out = story.zero_out or key.digits == "0"
            case events.CallEnded():
                await self._count(event)

    def _story(self, call_id: CallId) -> _Story:
        story = self._stories.setdefault(call_id, _Story())
        self._stories.move_to_end(call_id)
        if len(self._stories) > MAX_CALLS:
            self._stories.popitem(last=False)
        return story

    async def _count(self, event: events.CallEnded) -> None:
        story = self._stories.pop(event.call_id, None)
        known = self._experiments()
        if story is None or story.subject is None or not known:
            return
        subject = hashed(story.subject)
        calls = [
            FirstCall(
                experiment=name,
                subject=subject,
                arm=arm,
                call_id=event.call_id,
                ended_at=event.at,
                zero_out=story.zero_out,
                abandoned=event.outcome in _ABANDONED,
            )
            for name, arm in story.arms.items()
        ]
        work = partial(
            experiment_book.enter,
            subject=subject,
            call_id=event.call_id,
            ended_at=event.at,
            calls=calls,
            experiments=tuple(known),
        )
        await self._insist(work)
        self._changed.update(known)

    async def _insist(self, work: Work[None]) -> None:
        for pause_s in self._retries_s:
            try:
                await self._database.writer.write(work, brief=True)
            except (SQLAlchemyError, OSError, Unavailable) as error:
                if not is_outage(error):
                    raise
                log.warning("experiments: not written (%s), again", type(error).__name__)
            else:
                return
            await asyncio.sleep(pause_s)
        await self._database.writer.write(work, brief=True)

    async def look(self) -> None:
        """Takes what others have stopped, and stops what does harm by now. Raises SQLAlchemyError,
        OSError or Unavailable; the next look makes up for it."""
        changed, self._changed = self._changed, set()
        experiments = self._experiments()
        try:
            for name in changed & experiments.keys():
                await self._judge(experiments[name])
            stopped = await self._read_stopped()
        except BaseException:
            self._changed |= changed
            raise
        self._tell(stopped)

    async def _judge(self, experiment: Experiment) -> None:
        states = await experiment_book.states_of(self._database)
        now = self._now()
        for arm in await counted(self._database, experiment, states, now):
            if arm.harm is not None and arm.state.stopped_at is None:
                await self._stop(experiment, arm, now)

    async def _stop(self, experiment: Experiment, arm: ArmFigures, now: datetime) -> None:
        assert arm.harm is not None
        work = partial(
            experiment_book.stop,
            experiment=experiment.name,
            arm=arm.arm,
            at=now,
            by=GUARDRAIL,
            because=arm.harm.because,
            figures=arm.harm.as_json(),
        )
        await self._database.writer.write(work)

    async def _read_stopped(self) -> frozenset[tuple[str, str]]:
        self._states = await experiment_book.states_of(self._database)
        return frozenset(key for key, one in self._states.items() if one.stopped_at is not None)

    def _tell(self, stopped: frozenset[tuple[str, str]]) -> None:
        before, self._stopped = self._stopped, stopped
        for experiment, arm in sorted(stopped - before):
            state = self._states[experiment, arm]
            log.warning(
                "experiment %s: the arm %s is stopped, its callers are treated as the control "
                "arm's: %s",
                experiment,
                arm,
                state.because,
            )
            self._bus.publish(
                events.ExperimentArmStopped(
                    at=self._now(),
                    experiment=experiment,
                    arm=arm,
                    by=state.stopped_by or GUARDRAIL,
                    because=state.because,
                )
            )
        for experiment, arm in sorted(before - stopped):
            log.info("experiment %s: the arm %s goes on", experiment, arm)

    async def _run(self) -> None:
        pause_s = self._every_s
        while True:
            await asyncio.sleep(pause_s)
            begun = time.monotonic()
            try:
                await self.look()
            except (SQLAlchemyError, OSError, Unavailable):
                log.warning("experiments: not looked at", exc_info=True)
            pause_s = max(self._every_s, IDLE * (time.monotonic() - begun))

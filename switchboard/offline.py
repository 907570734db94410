"""What the commands do beside a running server: open the database, do one thing, leave."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from ami_bridge.known_queues import known_queues
from calls.agents import Agent, Softphone
from calls.call import CallId
from calls.errors import Misconfigured, SwitchboardError
from config.call_moments import MomentOf, call_moment, servers_moment
from config.rulebook import Rulebook
from config.rulebook_loader import SHIPPED, Loaded, load_rulebook
from config.rulebook_versions import RulebookVersions
from config.settings import Settings
from config.surroundings import Surroundings
from crm_adapter.call_histories import DatabaseCallHistories
from crm_adapter.call_history import CallHistory
from crm_adapter.connection import CrmConnection
from crm_adapter.directory import Directory
from crm_adapter.embedded.importer import Imported, import_files
from ivr.prerender import fixed_texts
from ivr.prompt_store import PromptStore
from ivr.prompts import Prompts
from ivr.recordings import Recordings
from ivr.sentences import estimated_s
from ivr.speech_engines import engine_for
from scoring.associations import Associations
from scoring.batch import score_all
from scoring.house_choices import HouseChoices
from scoring.memories import Memories
from scoring.nightly.run_book import LeaseLost, NotClaimed, RunBook
from scoring.nightly.sequence import alone
from scoring.policy import experiment_book
from scoring.policy.learned import LearnedPolicies
from scoring.registry.pruning import Pruned, prune_models
from scoring.registry.registry import ModelRegistry
from scoring.scorer import Scorer
from scoring.serving.scorer_made import models_in, scorer_of
from screenpop.agents.agent_admin import add_agent, reset_agent
from screenpop.agents.softphones import softphones as stored_softphones
from storage import migrate
from storage.audit_chain import Entry
from storage.audit_check import RESTORE
from storage.audit_log import read_head
from storage.database import STATEMENT_S, Database
from storage.sealed import guard
from supervisor import explain
from supervisor.given import read_given
from supervisor.menu_lengths import Seconds
from supervisor.menu_waits import MenuWait, menu_waits
from supervisor.told_pops import ToldPops, told_pops
from switchboard import audit_files, seal_key
from switchboard.audit_mark import AuditMark
from switchboard.call_choice import chosen_call
from switchboard.churn_waiting import said_of_waiting
from switchboard.progress import Report

log = logging.getLogger(__name__)


@asynccontextmanager
async def opened(
    settings: Settings, *, statement_s: float = STATEMENT_S, upgraded: bool = True
) -> AsyncIterator[Database]:
    """What is done there is told to the audit log as done by who runs the command."""
    key_of = partial(audit_files.key_of, settings)
    url = settings.storage.url
    seals = seal_key.seals_of(settings)
    async with Database(url, statement_s=statement_s, audit_key=key_of, seals=seals) as database:
        database.audit.actor = audit_files.who_runs_this()
        database.audit.origin = audit_files.where_from()
        if upgraded:
            await migrate.upgrade(database)
        await guard.check(database)
        yield database
        if database.audit.has_written:
            await _mark(AuditMark(database=database, settings=settings))


async def _mark(mark: AuditMark) -> None:
    """What the command did is done, whatever comes of this."""
    try:
        await mark.keep()
    except (SQLAlchemyError, SwitchboardError, OSError) as error:
        log.warning("audit: how far the log came is not kept (%s)", error)


async def told(settings: Settings, entry: Entry, *, upgraded: bool = True) -> None:
    """To the audit log, of what was done beside the database: that is done, so a database that
    does not take it (an older one, where it is not `upgraded`) is a warning only."""
    try:
        async with opened(settings, upgraded=upgraded) as database:
            await database.audit.write(entry)
    except (SQLAlchemyError, SwitchboardError, OSError) as error:
        log.warning("audit: not written: %s (%s)", entry.action, type(error).__name__)


async def told_of_restore(settings: Settings, made_at: datetime) -> None:
    """The log is an older one from now on; it says so, with how far it had come."""
    file = audit_files.SeenHead.of(settings)
    try:
        before = await asyncio.to_thread(file.read)
        details = {} if before is None else {"rows_before": before.seq, "last_before": before.mac}
        async with opened(settings) as database:
            subject = f"{made_at:%Y-%m-%dT%H:%M:%SZ}"
            entry = Entry(action=RESTORE, subject=subject, details=details)
            await database.audit.write(entry)
            async with database.read() as link:
                head = await read_head(link)
            await asyncio.to_thread(file.replace, head)
    except (SQLAlchemyError, SwitchboardError, OSError) as error:
        log.warning("audit: not written: restore (%s)", type(error).__name__)


@dataclass(frozen=True, slots=True)
class _OneRulebook:
    current: Rulebook


async def explained(
    settings: Settings,
    number: str,
    *,
    dialled: str | None,
    rulebook: Path | None,
    at: str | None = None,
    facts: Sequence[str] = (),
) -> dict[str, Any]:
    """Raises ProblemsFound where the rulebook cannot be used, WronglyGiven for `at` and `facts`."""
    current = rulebook_in_use(settings, rulebook)
    given = read_given(current, dialled, at, facts)
    async with opened(settings) as database:
        scorer = Scorer(database=database, settings=settings.scoring)
        memories = Memories(database=database, settings=settings.scoring)
        house, associations = HouseChoices(database=database), Associations(database=database)
        await house.load()
        await associations.refresh()
        policies = LearnedPolicies(database=database, settings=settings.scoring)
        await policies.refresh()
        models = models_in(settings.scoring.models_dir)
        await models.refresh()
        arms = await experiment_book.states_of(database)
        connection = CrmConnection(settings=settings, database=database)
        directory = Directory(
            adapter=connection.adapter,
            segments=scorer,
            settings=settings.crm,
            look_up=connection.look_up,
        )
        try:
            await connection.adapter.open()
            return await explain.explain(
                number,
                dialled=dialled,
                directory=directory,
                rulebooks=_OneRulebook(current),
                now=datetime.now(UTC),
                region=settings.crm.region,
                memories=memories,
                scorer=scorer_of(
                    house=house,
                    associations=associations,
                    models=models,
                    horizon_days=settings.scoring.horizon_days,
                ),
                control_share=settings.rulebook.control_share,
                given=given,
                policy=policies.current,
                stopped_arms={key for key, arm in arms.items() if arm.stopped_at is not None},
            )
        finally:
            for part in (connection, scorer, memories):
                await part.close()


def rulebook_in_use(settings: Settings, folder: Path | None = None) -> Rulebook:
    """The one in `folder`, else the one that is published, else the one in the settings' folder.
    Raises ProblemsFound."""
    around = Surroundings.of(settings.rulebook)
    if folder is None:
        versions = RulebookVersions(settings.rulebook.state_dir)
        pointed = versions.pointed()
        published = versions.load(pointed.version, around) if pointed is not None else None
        if published is not None:
            return published.or_raise()
    return load_rulebook(folder or settings.rulebook.path or SHIPPED, around=around).or_raise()


def moment_of_rulebook(settings: Settings) -> MomentOf:
    """By the clocks of the rulebook in use; by the server's where it cannot be read."""
    try:
        return partial(call_moment, rulebook_in_use(settings))
    except SwitchboardError as error:
        log.warning("calls are counted by the server's clock: %s", error)
        return servers_moment


async def surroundings(settings: Settings) -> Surroundings:
    """What the settings say, and the queues that Asterisk has where it can be asked: of several,
    those that each of them has."""
    around = Surroundings.of(settings.rulebook)
    told = await asyncio.gather(*(known_queues(ami) for ami in settings.asterisks))
    known = [queues for queues in told if queues is not None]
    return replace(around, queues=frozenset.intersection(*known) if known else None)


async def menu_waits_of(
    settings: Settings, folder: Path | None, seconds: Seconds
) -> Sequence[MenuWait]:
    """How long callers listen to each menu by what callers chose; nothing where no database was
    made yet."""
    url = settings.storage.url
    file = url.removeprefix("sqlite:///")
    if file != url and not await asyncio.to_thread(Path(file).exists):
        return ()
    rulebook = load_rulebook(folder or SHIPPED, around=Surroundings.of(settings.rulebook))
    async with opened(settings) as database:
        house = HouseChoices(database=database)
        await house.load()
    return tuple(
        menu_waits(rulebook.or_raise(), house.counts(), seconds=seconds, now=datetime.now(UTC))
    )


async def explained_call(settings: Settings, asked: str) -> dict[str, Any]:
    """What a call met, as it was kept with it; `asked` as `call_choice` reads it. Raises
    Misconfigured where there is none."""
    region, masked = settings.crm.region, settings.privacy.mask_numbers
    async with opened(settings) as database:
        history = CallHistory(database=database)
        detail, words = await chosen_call(history, asked, region=region, masked=masked)
    found = explain.explain_call(detail)
    return found | {"asked_for": words} if words is not None else found


@asynccontextmanager
async def _speaking(settings: Settings, loaded: Loaded) -> AsyncIterator[Prompts]:
    speech = settings.speech
    store = PromptStore(
        folder=speech.cache_dir, limit_bytes=speech.cache_mb * 2**20, base_url="http://none"
    )
    async with store, engine_for(speech) as engine:
        # Not published yet, so its recordings lie where they were read.
        paths = {sound.sha256: sound.path for sound in loaded.files.sounds.values()}
        recordings = Recordings(sound_path=paths.__getitem__)
        prompts = Prompts(
            store=store, engine=engine, stand_in=engine.stand_in, recordings=recordings
        )
        await prompts.take(loaded.or_raise())
        yield prompts


async def prerendered(settings: Settings, loaded: Loaded, progress: Report) -> int:
    """Speaks what is known before anybody calls into the prompts' folder; returns how many texts
    could not be had."""
    async with _speaking(settings, loaded) as prompts:
        return await prompts.prerender(fixed_texts(loaded.or_raise()), progress)


async def spoken_seconds(settings: Settings, folder: Path | None) -> Seconds:
    """How long texts of this rulebook are to listen to: as they were spoken by `switchboard
    publish` or a server, else about."""
    loaded = load_rulebook(folder or SHIPPED, around=Surroundings.of(settings.rulebook))
    is_kept = await asyncio.to_thread(settings.speech.cache_dir.is_dir)
    if loaded.rulebook is None or not is_kept:
        return estimated_s
    async with _speaking(settings, loaded) as prompts:
        return prompts.seconds


def _parsed(call_id: str) -> CallId:
    try:
        return CallId.parse(call_id)
    except ValueError as error:
        raise Misconfigured(str(error)) from error


async def pops_of(settings: Settings, call_id: str) -> ToldPops:
    """Raises Misconfigured for what is no call id, or no call."""
    wanted = _parsed(call_id)
    hooks = [hook.name for hook in settings.pops.webhooks]
    async with opened(settings) as database:
        told = await told_pops(database, wanted, hooks=hooks)
        if told is None:
            raise Misconfigured(f"there is no call {wanted}; the server's log names them")
        return told


async def scored(settings: Settings, progress: Report) -> tuple[int, str]:
    """How many contacts, and what is to be said of those who may be leaving. Raises
    SwitchboardError while a server, or somebody else, is at the nightly work."""
    async with (
        opened(settings) as database,
        CrmConnection(settings=settings, database=database) as connection,
    ):
        work = partial(
            score_all,
            database=database,
            histories=connection.purchase_histories(),
            calls=DatabaseCallHistories(database=database),
            moment_of=moment_of_rulebook(settings),
            settings=settings.scoring,
            progress=progress,
        )
        book = RunBook(database=database, now=lambda: datetime.now(UTC))
        try:
            count = await alone(work, book=book)
        except NotClaimed as why:
            raise SwitchboardError(
                f"{why}, which scores all contacts, too: `switchboard score` when that is over"
            ) from why
        except LeaseLost as lost:
            raise SwitchboardError(str(lost)) from lost
        return count, await said_of_waiting(database, settings)


async def models_pruned(settings: Settings, *, dry_run: bool) -> Pruned:
    """As every night."""
    async with opened(settings) as database:
        return await prune_models(
            ModelRegistry(settings.scoring.models_dir),
            DatabaseCallHistories(database=database),
            newest=settings.scoring.models_kept,
            now=datetime.now(UTC),
            dry_run=dry_run,
        )


async def imported(
    settings: Settings, files: list[Path], currency: str, progress: Report
) -> Imported:
    async with opened(settings) as database:
        return await import_files(
            database, files, region=settings.crm.region, currency=currency, progress=progress
        )


async def agent_added(settings: Settings, agent: Agent, password: str) -> bool:
    async with opened(settings) as database:
        return await add_agent(database, agent, password)


async def agent_reset(settings: Settings, login: str, password: str) -> Agent:
    async with opened(settings) as database:
        return await reset_agent(database, login, password)


async def softphones(settings: Settings) -> Sequence[Softphone]:
    async with opened(settings) as database:
        return await stored_softphones(database)

"""The company's CRM as the rest of us sees it: the adapters that the settings name, behind breakers
and lanes, with the cache, the phone index and the remembered choices before them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Self

from calls.bus import EventBus
from calls.caller import ContactRef
from calls.events import CandidateChosen, LeadCreated
from calls.ports import PurchaseHistories
from config.settings import Settings
from crm_adapter.adapter import CrmAdapter
from crm_adapter.adapters.chain import ChainCrm
from crm_adapter.adapters.choice import adapter_named, names_of, source_of
from crm_adapter.embedded.adapter import CRM as EMBEDDED
from crm_adapter.embedded.import_finish import ImportFinisher
from crm_adapter.embedded.import_journal import ImportJournal
from crm_adapter.embedded.purchase_histories import EmbeddedPurchaseHistories
from crm_adapter.http.traces import Trace
from crm_adapter.live.answer_cache import AnswerCache, CacheLimits
from crm_adapter.live.guarded import GuardedCrm
from crm_adapter.live.index_keeper import IndexKeeper
from crm_adapter.live.look_up import LookUp
from crm_adapter.live.news import EVERYTHING, News
from crm_adapter.live.number_choices import NumberChoices
from crm_adapter.live.phone_index import PhoneIndex
from crm_adapter.purchase_histories import AdapterPurchaseHistories, SeveralHistories
from crm_adapter.relinking import RelinkingWriter
from storage.database import Database


class CrmConnection:
    """`async with CrmConnection(...)`. Asks the CRM nothing by itself until `side_tasks` run."""

    def __init__(
        self, *, settings: Settings, database: Database, trace: Trace | None = None
    ) -> None:
        """Raises Misconfigured."""
        crm = settings.crm
        self._database = database
        #: Called with what this process learns; see `forget`.
        self.tell: Callable[[News], None] = lambda _: None
        self.guards = tuple(
            GuardedCrm(crm=adapter_named(name, settings=settings, database=database, trace=trace))
            for name in names_of(settings)
        )
        #: Whom everybody asks and writes to.
        self.adapter: CrmAdapter = (
            ChainCrm(crms=self.guards) if crm.adapter == "chain" else self.guards[0]
        )
        is_remote = any(guard.name != EMBEDDED for guard in self.guards)
        # Our own tables need no copy of themselves, but for a chain: a copy that leaves one CRM out
        # would hide whom that one knows by the same number.
        copied = [
            guard for guard in self.guards if crm.index and is_remote and guard.capabilities.changes
        ]
        self.index = PhoneIndex(
            database=database,
            region=crm.region,
            sources={guard.name: source_of(guard.name, settings) for guard in self.guards},
        )
        self.choices = NumberChoices(database=database)
        self.cache = AnswerCache(
            limits=CacheLimits(fresh_s=crm.cache_s if is_remote else 0), now=time.monotonic
        )
        self.look_up = LookUp(
            adapter=self.adapter,
            settings=crm,
            cache=self.cache,
            index=self.index if copied else None,
            choices=self.choices,
            crms=[guard.name for guard in self.guards],
        )
        self.writer = RelinkingWriter(crm=self.adapter, region=crm.region, gone=self._gone)
        self.keepers = tuple(
            IndexKeeper(
                crm=guard,
                index=self.index,
                look_up=self.look_up,
                region=crm.region,
                every_s=crm.index_every_s,
                copy_hour=crm.index_copy_hour,
            )
            for guard in copied
        )

    async def __aenter__(self) -> Self:
        await self.adapter.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Gives up the questions still open."""
        await self.look_up.close()
        await self.choices.close()
        await self.index.close()
        await self.adapter.close()

    def purchase_histories(self) -> PurchaseHistories:
        """Of all CRMs in use."""
        return SeveralHistories(
            [
                EmbeddedPurchaseHistories(database=self._database)
                if guard.name == EMBEDDED
                else AdapterPurchaseHistories(crm=guard, index=self.index)
                for guard in self.guards
            ]
        )

    def counters(self) -> dict[str, float]:
        """For /metrics; names ending in `_total` only grow."""
        breakers = [one for guard in self.guards for one in guard.breakers.values()]
        now = asyncio.get_running_loop().time()
        return {
            "crm_cache_hits_total": float(self.cache.hits),
            "crm_cache_misses_total": float(self.cache.misses),
            "crm_cache_numbers": float(len(self.cache)),
            "crm_breakers_open": float(sum(not one.lets_pass(now) for one in breakers)),
            "crm_breakers_opened_total": float(sum(one.openings for one in breakers)),
            "crm_turned_away_total": float(sum(guard.turned_away for guard in self.guards)),
            "crm_records_relinked_total": float(self.writer.relinked),
            "crm_records_unlinked_total": float(self.writer.unlinked),
            "crm_index_errors": float(sum(keeper.error is not None for keeper in self.keepers)),
        }

    def subscribe(self, bus: EventBus) -> None:
        bus.subscribe("number-choices", self._chosen, CandidateChosen)
        bus.subscribe("crm-answers", self._lead_created, LeadCreated)

    def side_tasks(self) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        """By name: what is to run as long as the process."""
        probes = [(f"crm:probe:{guard.name}", guard.run()) for guard in self.guards]
        indexes = [(f"crm:index:{keeper.crm}", keeper.run()) for keeper in self.keepers]
        finisher = ImportFinisher(journal=ImportJournal(database=self._database))
        return [*probes, *indexes, ("crm:imports", finisher.run())]

    def forget(self, news: News) -> None:
        """Another process learned it."""
        if news.number is not None:
            self.look_up.forget_number(news.number)
        elif news.contact is not None:
            self.look_up.forget_contact(news.contact)
        else:
            self.look_up.forget_everything()

    async def _chosen(self, event: CandidateChosen) -> None:
        await self.choices.note(event)
        self._learn(News(number=event.number))

    def checks_itself(self, name: str) -> bool:
        """As `calls.ports.CrmChangeSink` says."""
        return any(guard.name == name and guard.capabilities.webhooks for guard in self.guards)

    async def changed(self, name: str, headers: Mapping[str, str], body: bytes) -> None:
        """Implements `calls.ports.CrmChangeSink`: a hint, so nothing of the body is believed but
        whose answers to forget; what changed the CRM itself is asked, soon."""
        if self.checks_itself(name):
            [guard] = [guard for guard in self.guards if guard.name == name]
            refs = guard.parse_webhook(headers, body)
            keepers = [keeper for keeper in self.keepers if keeper.crm == name]
        else:
            refs, keepers = (), list(self.keepers)
        for ref in refs:
            self._learn(News(contact=ref))
        if not refs:
            self._learn(EVERYTHING)
        for keeper in keepers:
            keeper.changed(refs)

    async def _gone(self, ref: ContactRef) -> None:
        self._learn(News(contact=ref))
        await self.index.forget(ref)

    async def _lead_created(self, event: LeadCreated) -> None:
        """That nobody has this number is no longer true."""
        self._learn(News(number=event.number))

    def _learn(self, news: News) -> None:
        self.forget(news)
        self.tell(news)

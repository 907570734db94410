"""One CRM behind breakers and lanes: what cannot answer is not asked, and nobody waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from calls.caller import Candidate, Contact, ContactRef, Purchase
from calls.deadlines import Deadline
from calls.errors import DeadlineExceeded
from crm_adapter.adapter import (
    AuthFailed,
    Capabilities,
    ChangePage,
    CrmAdapter,
    CrmError,
    KeyField,
    NotFound,
    PhoneHit,
    RateLimited,
    Redirected,
    Timeout,
    Unavailable,
)
from crm_adapter.delegating import DelegatingWriter
from crm_adapter.http.redirects import merged_into
from crm_adapter.live.breaker import Breaker, BreakerLimits, BreakerState
from crm_adapter.live.lanes import Lane

log = logging.getLogger(__name__)

T = TypeVar("T")

FIND_BY_PHONE, FIND_BY_KEY, GET = "find_by_phone", "find_by_key", "get"
#: Nobody has this number (reserved for fiction), so asking for it tells nothing of anybody.
PROBE_NUMBER = "+12025550199"


class GuardedCrm(DelegatingWriter):
    """Implements `crm_adapter.adapter.CrmAdapter`. Use `run` as a side task: it is what closes a
    breaker again. Writes pass as they are: the outbox has a pace of its own."""

    def __init__(
        self,
        *,
        crm: CrmAdapter,
        at_once: int = 16,
        most_waiting: int = 64,
        limits: BreakerLimits | None = None,
        probe_every_s: float = 1.0,
    ) -> None:
        super().__init__(crm)
        self._crm = crm
        self._live = Lane(crm=crm.name, at_once=at_once, most_waiting=most_waiting)
        self._bulk = Lane(crm=crm.name, at_once=2, most_waiting=2)
        self._probe_every_s = probe_every_s
        self.breakers = {name: Breaker(limits) for name in (FIND_BY_PHONE, FIND_BY_KEY, GET)}
        #: Somebody the CRM had, to be asked for again when `get` is to be tried.
        self._somebody: ContactRef | None = None

    @property
    def name(self) -> str:
        return self._crm.name

    @property
    def capabilities(self) -> Capabilities:
        return self._crm.capabilities

    async def open(self) -> None:
        await self._crm.open()

    async def close(self) -> None:
        await self._crm.close()

    async def check(self) -> None:
        await self._crm.check()

    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        return await self._guarded(
            FIND_BY_PHONE,
            deadline,
            lambda: self._crm.find_by_phone(key, limit=limit, deadline=deadline),
        )

    async def find_by_key(
        self, field: KeyField, digits: str, *, limit: int, deadline: Deadline
    ) -> Sequence[Candidate]:
        return await self._guarded(
            FIND_BY_KEY,
            deadline,
            lambda: self._crm.find_by_key(field, digits, limit=limit, deadline=deadline),
        )

    async def get(self, ref: ContactRef, *, deadline: Deadline) -> Contact:
        found = await self._guarded(GET, deadline, lambda: self._got(ref, deadline))
        self._somebody = ref
        return found

    async def _got(self, ref: ContactRef, deadline: Deadline) -> Contact:
        try:
            return await self._crm.get(ref, deadline=deadline)
        except Redirected as error:
            if merged_into(error, ref.id) is None:
                raise
            raise NotFound(f"{ref} was merged into another contact") from error

    async def get_purchase_history(
        self, ref: ContactRef, *, limit: int, deadline: Deadline
    ) -> Sequence[Purchase]:
        async with self._bulk.place(deadline):
            return await self._crm.get_purchase_history(ref, limit=limit, deadline=deadline)

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        async with self._bulk.place(deadline):
            return await self._crm.changes(cursor, limit=limit, deadline=deadline)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ContactRef]:
        return self._crm.parse_webhook(headers, body)

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        await self._crm.update_fields(ref, changes, expect_version=expect_version, idem=idem)

    @property
    def turned_away(self) -> int:
        return self._live.turned_away

    async def run(self) -> None:
        """Probes what is half open, for ever."""
        while True:
            await asyncio.sleep(self._probe_every_s)
            for operation, breaker in self.breakers.items():
                if breaker.state(_now()) is BreakerState.HALF_OPEN:
                    await self._probe(operation, breaker)

    async def _guarded(
        self, operation: str, deadline: Deadline, ask: Callable[[], Awaitable[T]]
    ) -> T:
        breaker = self.breakers[operation]
        if not breaker.lets_pass(_now()):
            raise Unavailable(f"{self.name} is not asked for now: it did not answer lately")
        async with self._live.place(deadline):
            question = _Question(self, breaker)
            try:
                # The adapter keeps the deadline; this holds one that does not to it.
                answer = await deadline.bound(self.name, ask())
            except CrmError as error:
                question.failed(error)
                raise
            except DeadlineExceeded as error:
                timeout = Timeout(str(error))
                question.failed(timeout)
                raise timeout from error
            finally:
                question.over()
            question.answered()
            return answer

    async def _probe(self, operation: str, breaker: Breaker) -> None:
        # A probe that is slow itself would let in callers who then wait as long.
        deadline = Deadline.after(breaker.slow_s)
        quiet_s: float | None = None
        try:
            await deadline.bound(self.name, self._question(operation, deadline))
        except RateLimited as error:
            good, quiet_s = False, error.after_s
        except (AuthFailed, Unavailable, DeadlineExceeded):
            good = False
        except CrmError:
            good = True
        except Exception:
            # A probe's edge: whatever an adapter does, calls go on without it.
            log.exception("%s could not be probed (%s)", self.name, operation)
            good = False
        else:
            good = True
        breaker.probed(_now(), good=good, quiet_s=quiet_s)
        if good:
            log.warning("%s answers again (%s)", self.name, operation)

    async def _question(self, operation: str, deadline: Deadline) -> None:
        if operation == GET and self._somebody is not None:
            await self._crm.get(self._somebody, deadline=deadline)
        elif operation == FIND_BY_KEY and self.capabilities.keys:
            field = min(self.capabilities.keys)
            await self._crm.find_by_key(field, "0", limit=1, deadline=deadline)
        else:
            await self._crm.find_by_phone(PROBE_NUMBER, limit=1, deadline=deadline)


class _Question:
    """Tells a breaker of one question, once: at the latest when it is slow, answered or not."""

    def __init__(self, crm: GuardedCrm, breaker: Breaker) -> None:
        self._crm = crm
        self._breaker = breaker
        self._told = False
        loop = asyncio.get_running_loop()
        self._slow = loop.call_later(breaker.slow_s, self._tell, breaker.failed, "it is slow")

    def answered(self) -> None:
        self._tell(self._breaker.answered, "")

    def failed(self, error: CrmError) -> None:
        match error:
            case AuthFailed():
                self._tell(self._breaker.refused, str(error))
            case RateLimited():
                quiet_s = error.after_s
                self._tell(lambda at: self._breaker.refused(at, quiet_s=quiet_s), str(error))
            case Unavailable():
                self._tell(self._breaker.failed, str(error))
            case _:
                # NotFound, Invalid, Forbidden, Unsupported: the CRM lives and says so.
                self.answered()

    def over(self) -> None:
        self._slow.cancel()

    def _tell(self, news: Callable[[float], None], why: str) -> None:
        if self._told:
            return
        self._told = True
        openings = self._breaker.openings
        news(_now())
        if self._breaker.openings != openings:
            log.warning("%s is not asked for now: %s", self._crm.name, why)


def _now() -> float:
    return asyncio.get_running_loop().time()

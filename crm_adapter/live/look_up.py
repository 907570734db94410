"""One number looked up: what is known already, else the CRM; in this order and each only once.

cache       fresh: used. Ageing: used, and asked anew behind the caller's back
index       our copy says who; only their history is asked for
the CRM     by the number itself
without it  a stale answer, or the copy's name, for as long as the CRM does not answer
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from calls import crash_points
from calls.caller import Contact, ContactRef
from calls.deadlines import Deadline
from calls.errors import SwitchboardError
from config.settings import CrmSettings
from crm_adapter import phone_numbers
from crm_adapter.adapter import CrmAdapter, NotFound, PhoneHit
from crm_adapter.live.answer_cache import Age, AnswerCache
from crm_adapter.live.answers import E164, INDEX, REMEMBERED, SUFFIX, Answer, weightiest
from crm_adapter.live.number_choices import NumberChoices
from crm_adapter.live.phone_index import PhoneIndex

log = logging.getLogger(__name__)

#: More contacts than this on one number: a switchboard or a payphone, not a household.
MOST_CANDIDATES = 10
#: Our own tables answer in milliseconds or not at all.
OWN_TABLES_S = 0.1

FROM_MEMORY = "The CRM does not answer: shown is what it said earlier."
FROM_COPY = "The CRM does not answer: only the name is known."

Key = tuple[str, str]


class LookUp:
    """`index` and `choices` None: this CRM needs, or has, none."""

    def __init__(
        self,
        *,
        adapter: CrmAdapter,
        settings: CrmSettings,
        cache: AnswerCache,
        index: PhoneIndex | None = None,
        choices: NumberChoices | None = None,
        crms: Sequence[str] = (),
    ) -> None:
        """`crms`: all that are asked, the main one first; by default the adapter's own. Our copy is
        believed only where it is of all of them: one that is missing may know somebody else by the
        same number."""
        self._adapter = adapter
        self._settings = settings
        self._cache = cache
        self._index = index
        self._choices = choices
        self._crms = tuple(crms) or (adapter.name,)
        self._asked: dict[Key, asyncio.Task[Answer]] = {}
        #: Raised by all that makes answers wrong which are still on their way.
        self._news = 0

    async def ask(self, e164: str, region: str, *, deadline: Deadline) -> Answer:
        """Raises DeadlineExceeded, or any CrmError. A question that is given up goes on, for up to
        `settings.late_deadline_s`, for whoever asks again."""
        key = (e164, region)
        found = self._cache.find(key)
        if found is not None and found[0] is not Age.STALE:
            if found[0] is Age.AGEING:
                _ = self._question(key)
            return found[1]
        return await deadline.bound("the CRM", asyncio.shield(self._question(key)))

    async def known(self, e164: str, region: str) -> Answer | None:
        """What can be said without the CRM; never raises, and answers in `OWN_TABLES_S`."""
        found = self._cache.find((e164, region))
        if found is not None:
            age, answer = found
            return answer if age is Age.FRESH else answer.told_by(FROM_MEMORY)
        try:
            return await self._known_by_index(e164, Deadline.after(OWN_TABLES_S))
        except SwitchboardError as error:
            log.warning("the phone index cannot be asked: %s", error)
            return None

    def forget_number(self, e164: str) -> None:
        """Its contacts changed, or we made one."""
        self._news += 1
        self._cache.forget_number(e164)

    def forget_contact(self, ref: ContactRef) -> None:
        self._news += 1
        self._cache.forget_contact(ref)

    def forget_everything(self) -> None:
        self._news += 1
        self._cache.forget_everything()

    async def close(self) -> None:
        """Gives up the questions still open."""
        tasks = list(self._asked.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _question(self, key: Key) -> asyncio.Task[Answer]:
        task = self._asked.get(key)
        if task is None:
            task = asyncio.create_task(self._look_up(key), name="directory:look-up")
            self._asked[key] = task
            task.add_done_callback(lambda done: self._over(key, done))
        return task

    def _over(self, key: Key, task: asyncio.Task[Answer]) -> None:
        del self._asked[key]
        if not task.cancelled():
            task.exception()  # seen here: nobody may be left who waits for it

    async def _look_up(self, key: Key) -> Answer:
        e164, region = key
        news = self._news
        deadline = Deadline.after(self._settings.late_deadline_s)
        answer = await self._by_index(e164, deadline)
        if answer is None:
            answer = await self._by_number(e164, region, deadline)
        if news == self._news:
            self._cache.keep(key, answer)
            crash_points.reached("identify.kept")
        return answer

    async def _by_index(self, e164: str, deadline: Deadline) -> Answer | None:
        """None where the copy knows nobody: the CRM may know better."""
        try:
            own = Deadline.after(OWN_TABLES_S)
            hits = await self._held(e164, own) if await self._copy_is_whole(own) else ()
        except SwitchboardError as error:
            log.warning("the phone index cannot be asked: %s", error)
            return None
        if not hits:
            return None
        answer = await self._answer(e164, hits, E164, deadline)
        # None of them is there any more: whoever has the number now, the CRM knows.
        return None if answer.is_nobody else answer

    async def _by_number(self, e164: str, region: str, deadline: Deadline) -> Answer:
        offered = await self._adapter.find_by_phone(e164, limit=MOST_CANDIDATES, deadline=deadline)
        hits = tuple(hit for hit in offered if _has(hit, e164, region))
        if not hits and self._settings.suffix_digits:
            ends_alike = e164[-self._settings.suffix_digits :]
            hits = tuple(hit for hit in offered if _ends_with(hit, ends_alike))
            # Nobody is guessed by a suffix: an agent chooses, even among one.
            return Answer(hits, method=SUFFIX if hits else E164)
        return await self._answer(e164, hits, E164, deadline)

    async def _answer(
        self, e164: str, hits: tuple[PhoneHit, ...], method: str, deadline: Deadline
    ) -> Answer:
        """With the contact where there is one, or the one that an agent chose before."""
        hits = weightiest(hits)
        if len(hits) > 1:
            chosen = await self._chosen(e164, hits)
            if chosen is None:
                return Answer(hits, method=method)
            contact = await self._contact(chosen, deadline)
            return Answer(hits, contact, REMEMBERED if contact else method)
        if not hits:
            return Answer(())
        contact = await self._contact(hits[0].candidate.ref, deadline)
        return Answer(hits, contact, method) if contact else Answer(())

    async def _contact(self, ref: ContactRef, deadline: Deadline) -> Contact | None:
        try:
            return await self._adapter.get(ref, deadline=deadline)
        except NotFound:  # deleted between the two questions, or since we copied it
            await self._forget_in_index(ref)
            return None

    async def _forget_in_index(self, ref: ContactRef) -> None:
        if self._index is None:
            return
        try:
            async with asyncio.timeout(OWN_TABLES_S):
                await self._index.forget(ref)
        except Exception:
            # The caller's answer does not hang on our copy; the nightly one mends it.
            log.exception("the phone index could not forget a contact")

    async def _chosen(self, e164: str, hits: tuple[PhoneHit, ...]) -> ContactRef | None:
        if self._choices is None:
            return None
        try:
            chosen = await self._choices.of(e164, deadline=Deadline.after(OWN_TABLES_S))
        except SwitchboardError as error:
            log.warning("%s", error)
            return None
        return chosen if any(hit.candidate.ref == chosen for hit in hits) else None

    async def _held(self, e164: str, deadline: Deadline) -> tuple[PhoneHit, ...]:
        if self._index is None:
            return ()
        return await self._index.holders(
            e164, crms=self._crms, limit=MOST_CANDIDATES, deadline=deadline
        )

    async def _known_by_index(self, e164: str, deadline: Deadline) -> Answer | None:
        if not await self._copy_is_whole(deadline):
            return None
        hits = weightiest(await self._held(e164, deadline))
        if not hits:
            return Answer((), method=INDEX)
        if len(hits) > 1:
            return Answer(hits, method=INDEX)
        return Answer(hits, _by_name(hits[0]), INDEX, (FROM_COPY,))

    async def _copy_is_whole(self, deadline: Deadline) -> bool:
        """Of every CRM that is asked."""
        if self._index is None:
            return False
        return await self._index.are_trusted(self._crms, deadline=deadline)


def _by_name(hit: PhoneHit) -> Contact:
    """All that the copy has of a contact."""
    candidate = hit.candidate
    return Contact(
        candidate.ref,
        "",
        candidate.name,
        company=candidate.company,
        language=candidate.language,
        url=candidate.url,
        owner=hit.owner,
    )


def _has(hit: PhoneHit, e164: str, region: str) -> bool:
    return any(phone_numbers.same_number(e164, stored, region) for stored in hit.numbers)


def _ends_with(hit: PhoneHit, digits: str) -> bool:
    return any(
        "".join(letter for letter in stored if letter.isdigit()).endswith(digits)
        for stored in hit.numbers
    )

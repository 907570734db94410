"""A centre with a rulebook of one's own, and ears on its callers' lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import and_, func, join, select

from config.settings import SpeechSettings
from crm_adapter.call_tables import calls
from ivr.prompt_store import PromptStore
from ivr.prompts import Prompts
from ivr.speech_engines import engine_for
from scoring.memory_tables import folded_calls
from storage.database import Database
from supervisor import check
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_callers import ScriptedCall
from switchboard.demo.sip_scenarios import CallerShape, Press
from tests.acceptance.ledger import Entry, Ledger
from tests.acceptance.listening import Recording, recorded_line, rendered
from tests.acceptance.load import assert_all_served
from tests.acceptance.waiting import until


def kept_rulebook(folder: Path, text: str) -> str:
    """Its path, below `folder`; there is nothing to say against it."""
    rulebook = folder / "rulebook"
    rulebook.mkdir(parents=True)
    (rulebook / "all.yaml").write_text(text, encoding="utf-8")
    assert check.check(rulebook) == ()
    return str(rulebook)


@asynccontextmanager
async def with_ears(centre: DemoCentre) -> AsyncIterator[Example]:
    """The centre is running, and what its callers hear is known by the sounds it made."""
    folder = Path(centre.server.settings["speech"]["cache_dir"])
    store = PromptStore(folder=folder, limit_bytes=10**9, base_url="http://x")
    async with centre, store, engine_for(SpeechSettings()) as engine:
        yield Example(centre, Prompts(store=store, engine=engine), store)


class Example:
    """`prompts` and `store` work on the folder of sounds that the centre has."""

    def __init__(self, centre: DemoCentre, prompts: Prompts, store: PromptStore) -> None:
        self.centre = centre
        self._prompts = prompts
        self._store = store

    async def call(self, dialled: str, *presses: Press, number: str, stay_ms: int) -> Recording:
        """What a caller hears who presses these keys and hangs up so long after the last."""
        shape = CallerShape(presses=presses, hang_up_after_ms=stay_ms, audio=False)
        line, recording = await recorded_line(self.centre.pbx, dialled)
        call = ScriptedCall(number, line, shape=shape)
        assert_all_served(await self.centre.callers.run([call], deadline_s=90), 1)
        return await recording.over()

    async def wavs(self, *texts: str, language: str = "en") -> dict[str, bytes]:
        """By text, how it sounds; every text is one sentence."""
        found = {}
        for text in texts:
            url = await rendered(self._prompts, text, language)
            path = self._store.path(Path(urlsplit(url).path).stem)
            found[text] = await asyncio.to_thread(path.read_bytes)
        return found

    async def fetched(self, text: str, language: str = "en") -> bool:
        """Asterisk has this sentence: it keeps what it was told to play and fetched from us."""
        url = await rendered(self._prompts, text, language)
        return Path(urlsplit(url).path).stem in await self.centre.pbx.rx("database show MediaCache")

    async def remembered(self, count: int) -> None:
        """Returns when the choices of so many calls are part of their callers' memories."""
        same = (
            folded_calls.c.system == calls.c.system,
            folded_calls.c.linkedid == calls.c.linkedid,
        )
        folded = select(func.count()).select_from(join(folded_calls, calls, and_(*same)))
        async with Database(self.centre.storage_url) as database:

            async def all_folded() -> bool:
                async with database.read() as link:
                    return int((await link.execute(folded)).scalar_one()) >= count

            await until(all_folded, f"{count} calls remembered")

    async def entry(self, number: str) -> Entry:
        async with Ledger(self.centre.storage_url) as ledger:
            return (await ledger.balanced([number], deadline_s=60))[number]

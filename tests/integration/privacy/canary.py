"""A person who left something everywhere, by the ways in which it gets there; and a look at
everything for what must not be there any more."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import redis.asyncio
from sqlalchemy import insert, select
from typer.testing import CliRunner, Result

from calls import events
from calls.call import Call, CallId, CallOutcome, Direction
from calls.call_moment import CallMoment
from calls.caller import Caller, Candidate, Contact, ContactRef, Identity, IdentityOutcome
from calls.follow_up import FollowUp
from calls.offers import OfferAnswer, OfferPlace
from config.settings_file import load_settings
from crm_adapter.adapter import PhoneHit
from crm_adapter.churn_tasks import ChurnTasks
from crm_adapter.embedded.adapter import EmbeddedCrm
from crm_adapter.embedded.contact_rows import CONTACT_ROWS
from crm_adapter.embedded.merging import Merges
from crm_adapter.live.news import News
from crm_adapter.live.number_choices import NumberChoices
from crm_adapter.live.phone_index import PhoneIndex
from crm_adapter.pin_tries import PinTries
from crm_adapter.records import Records
from scoring import contact_rows as scoring_rows
from scoring.call_follower import CallFollower
from scoring.house_choices import HouseChoices
from scoring.offer_ledger import DatabaseOfferLedger
from scoring.policy import experiment_book
from scoring.tables import churn_warnings
from storage.audit_chain import Entry
from storage.database import Database
from storage.sealed.seals import Seals
from switchboard import audit_files, cli
from switchboard.demo.desktop_client import DesktopClient
from switchboard.nodes.event_stream import connected, stream_of
from switchboard.nodes.event_teller import EventTeller
from switchboard.nodes.news_stream import NewsTeller, news_of
from switchboard.seal_key import seals_of
from tests.declared_tables import declared_metadata
from tests.fakes.call_stories import Roster, Story
from tests.fakes.desk_server import ANNA, BEN, DeskServer, add_agents, desk_server

NUMBER, MOBILE, STRANGER = "+12025550187", "+12025550188", "+12025550189"
FIRST, LAST = "Zuleikarina", "Quandtmoser"
CONTACT = ContactRef("embedded", "C-7741930")
DOUBLE = ContactRef("embedded", "C-7741931")
#: Of all that says who they are; in every spelling, so that a byte of it is found.
NEEDLES: Final = (
    "2025550187", "2025550188", "2025550189", "555-0187", "555-0188", "555-0189",
    FIRST, LAST, FIRST.lower(), LAST.lower(), "7741930", "7741931", "nestler.example", "4455667788",
    "Pollenallergie",
)  # fmt: skip
#: Somebody else, of whom everything stays.
OTHER, OTHER_NUMBER = ContactRef("embedded", "C-1"), "+12025550100"

CSV = {
    "contacts.csv": (
        "id,phone,email,customer_number,first_name,last_name,owner\n"
        f"{CONTACT.id},{NUMBER};{MOBILE},zq@nestler.example,4455667788,{FIRST},{LAST},anna\n"
        f"{DOUBLE.id},{MOBILE},,,{FIRST},{LAST},anna\n"
        f"{OTHER.id},{OTHER_NUMBER},maria@shop.example,,Maria,Garcia,anna\n"
    ),
    "products.csv": "code,name,category,price,currency\nBEAN,House blend,beans,12,USD\n",
    "purchases.csv": (
        "id,contact_id,at,amount,product,currency,quantity\n"
        f"P-1,{CONTACT.id},2026-03-29,12.50,BEAN,USD,1\nP-2,{OTHER.id},2026-03-30,13,BEAN,USD,1\n"
    ),
    "orders.csv": (
        "id,contact_id,placed_at,status,product,due_on,is_open,closed_at,is_paid,paid_at,"
        f"order_number\nO-1,{CONTACT.id},2026-03-29,packed,BEAN,2026-04-02,yes,,no,,88123\n"
    ),
    "cases.csv": (
        "id,contact_id,opened_at,subject,kind,is_open,closed_at\n"
        f"K-1,{CONTACT.id},2026-03-29,Pollenallergie,complaint,yes,\n"
    ),
    "accounts.csv": (
        f"contact_id,account_number,balance,currency,pin\n{CONTACT.id},4455667788,1,USD,4711\n"
    ),
    "appointments.csv": (
        f"id,contact_id,at,subject,status\nA-1,{CONTACT.id},2026-03-29,Pollenallergie,booked\n"
    ),
}


@dataclass(frozen=True)
class House:
    """An installation with its settings in `folder`."""

    folder: Path
    url: str
    redis_url: str

    @property
    def system(self) -> str:
        """Of its own in a Redis that others use too."""
        return f"pbx-{self.folder.name[-20:]}"

    @property
    def voices(self) -> Path:
        return self.folder / "monitor"

    def write(self, more: str = "") -> None:
        self.voices.mkdir(parents=True)
        (self.folder / "switchboard.yaml").write_text(
            f"storage:\n  url: {self.url}\nredis:\n  url: {self.redis_url}\n"
            f"ami:\n  system: {self.system}\n"
            f"audit:\n  folder: {self.folder}/audit\n"
            f"privacy:\n  recordings_dir: {self.voices}\n{more}"
        )

    def call(self, *words: str) -> Result:
        told = [*words, "--config", str(self.folder / "switchboard.yaml")]
        return CliRunner().invoke(cli.app, told, env={"NO_COLOR": "1", "COLUMNS": "200"})


def _moment(dialled: str, at: datetime, area: str) -> CallMoment:
    return CallMoment(at, dialled, area)


async def live_through(house: House) -> None:
    """They buy, call as a contact and as a stranger, leave messages, are noted down and offered
    something; somebody else calls too."""
    await asyncio.to_thread(_import, house)
    settings = load_settings(house.folder / "switchboard.yaml")
    key_of, seals = partial(audit_files.key_of, settings), seals_of(settings)
    async with Database(house.url, audit_key=key_of, seals=seals) as database:
        await add_agents(database, ANNA, BEN)
        for told in ({"number": NUMBER}, {"contact": str(CONTACT)}, {"number": OTHER_NUMBER}):
            await database.audit.write(Entry(action="dial", result="refused", details=told))
        await _are_merged(database)
        await _call(database, house)
        await _are_remembered(database, house.system)
    for what in ("message", "name"):
        (house.voices / f"{voice_of(house.system, what)}.wav").write_bytes(b"RIFF")


def _import(house: House) -> None:
    paths = [house.folder / name for name in CSV]
    for path in paths:
        path.write_text(CSV[path.name])
    for words in (("import", *map(str, paths), "--no-check"), ("score",)):
        done = house.call(*words)
        assert done.exit_code == 0, done.output
    for path in paths:
        path.unlink()


async def _are_merged(database: Database) -> None:
    rows = (*CONTACT_ROWS, *scoring_rows.CONTACT_ROWS)
    now = datetime.now(UTC)
    await Merges(database=database, rows=rows, now=lambda: now).merge(
        CONTACT.id, DOUBLE.id, by="anna"
    )


async def _call(database: Database, house: House) -> None:
    stream = stream_of(house.system)
    client = connected(house.redis_url)
    teller = EventTeller(client=client, stream=stream, who="calls-1")
    async with (
        desk_server(database) as server,
        Records(
            database=database,
            bus=server.bus,
            crm=EmbeddedCrm(database=database),
            roster=Roster(),
            agents=server.desk.agents,
            default_owner="anna",
            follow_up_of=lambda dialled: FollowUp(missed_task_s=0.0),
        ) as records,
    ):
        CallFollower(
            database=database,
            ledger=DatabaseOfferLedger(database=database),
            house=HouseChoices(database=database),
            roster=Roster(),
            moment_of=_moment,
        ).subscribe(server.bus)
        server.bus.subscribe("redis", teller.tell, events.CallEvent)
        async with server.client(ANNA) as anna:
            for told, note in (
                (_of_a_contact(house.system), f"{FIRST} is back, Pollenallergie"),
                (_of_a_stranger(house.system), None),
                (_of_another(house.system), "asks us to ring (202) 555-0187, her neighbour"),
                (_placed(house.system), None),
                (_in_vain(house.system), None),
            ):
                await server.publish(*told)
                if note is not None:
                    await _wrap_up(server, anna, note)
                await records.settled()
        await server.desk.flush()
        await records.settled()
    await teller.settle(5)
    await _is_news(house, client)
    await client.aclose()


async def _is_news(house: House, client: redis.asyncio.Redis) -> None:
    """An agent said whose number it is."""
    stream = news_of(house.system)
    news = NewsTeller(client=client, streams=[stream])
    telling = asyncio.create_task(news.run(), name="news")
    for number, contact in ((NUMBER, None), (None, CONTACT), (OTHER_NUMBER, OTHER)):
        news.tell(News(number, contact))
    place, left = b"0", 3
    async with asyncio.timeout(10):
        while left:
            for _, messages in await client.xread({stream: place}, block=500):
                place, left = messages[-1][0], left - len(messages)
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)


async def _wrap_up(server: DeskServer, anna: DesktopClient, note: str) -> None:
    seen = anna.counters.closes["done"]
    await anna.wait_for(lambda: anna.counters.wrapups == seen + 1)
    frame = next(frame for frame in reversed(anna.frames) if frame["kind"] == "pop.wrapup")
    await anna.dispose(frame["pop_id"], "sale", note)
    await anna.wait_for(lambda: anna.counters.closes["done"] == seen + 1)
    await server.bus.drain()


def _a_call(system: str, name: str, number: str, who: str) -> Call:
    return Call(
        id=CallId(system, f"1764400000.{name}"),
        channel=f"PJSIP/{number}-0000{name}",
        from_raw=number,
        from_name=who,
        withheld=False,
        dialled="+18005550100",
        language="en",
        arrived_at=datetime.now(UTC) - timedelta(minutes=5),
    )


def _is(story: Story, number: str, ref: ContactRef | None, name: tuple[str, str]) -> Any:
    contact = None if ref is None else Contact(ref=ref, first_name=name[0], last_name=name[1])
    outcome = IdentityOutcome.NONE if ref is None else IdentityOutcome.UNIQUE
    caller = Caller(number=number, identity=Identity(outcome, "e164", 1.0), contact=contact)
    return events.CallerIdentified(story.call.id, story.call.arrived_at, caller)


def _of_a_contact(system: str) -> Iterator[Any]:
    story = Story(_a_call(system, "1", NUMBER, f"{FIRST} {LAST}"))
    yield story.arrives()
    yield _is(story, NUMBER, CONTACT, (FIRST, LAST))
    yield story.decided()
    yield story.presses("1")
    yield story.types("customer_number", "4455667788")
    yield story.meets("decaf", OfferPlace.MENU, OfferAnswer.HEARD)
    yield story.asks_to_be_called(MOBILE)
    yield story.queued()
    yield story.rings()
    yield story.answered()
    yield story.released()
    yield story.ends()


def _of_a_stranger(system: str) -> Iterator[Any]:
    story = Story(_a_call(system, "2", STRANGER, f"{LAST} {FIRST}"))
    yield story.arrives()
    yield _is(story, STRANGER, None, ("", ""))
    yield story.decided()
    yield story.leaves("message", voice_of(system, "message"), "support")
    yield story.leaves("name", voice_of(system, "name"))
    yield story.queued()
    yield story.ends(CallOutcome.ABANDONED_IN_QUEUE)


def voice_of(system: str, what: str) -> str:
    return f"{what}-{system}-1764400000.2-1"


def _of_another(system: str) -> Iterator[Any]:
    """Whose note says whom to call back."""
    story = Story(_a_call(system, "3", OTHER_NUMBER, "Maria Garcia"))
    yield story.arrives()
    yield _is(story, OTHER_NUMBER, OTHER, ("Maria", "Garcia"))
    yield story.decided()
    yield story.queued()
    yield story.rings()
    yield story.answered()
    yield story.released()
    yield story.ends()


def _placed(system: str) -> Iterator[Any]:
    call = replace(_a_call(system, "4", NUMBER, ""), dialled=NUMBER, direction=Direction.OUTBOUND)
    story = Story(call)
    yield story.arrives()
    yield story.ends(CallOutcome.BUSY)


def _in_vain(system: str) -> Iterator[Any]:
    """Before anything was decided."""
    story = Story(_a_call(system, "5", STRANGER, ""))
    yield story.arrives()
    yield _is(story, STRANGER, None, ("", ""))
    yield story.queued()
    yield story.ends(CallOutcome.ABANDONED_IN_QUEUE)


async def _are_remembered(database: Database, system: str) -> None:
    """What nights and long stories bring."""
    at = datetime.now(UTC)
    tries = PinTries(database=database, now=lambda: at)
    assert await tries.begin(CONTACT)
    await NumberChoices(database=database).remember(NUMBER, CONTACT, agent="anna", at=at)
    hit = PhoneHit(Candidate(CONTACT, f"{FIRST} {LAST}"), (NUMBER,))
    await PhoneIndex(database=database, region="US").apply(
        CONTACT.crm, changed=[hit], gone=[], at=at, state={"cursor": "1"}
    )
    raised = events.ChurnRiskRaised(CONTACT, at, "active", "at_risk", "late", tier="vip")
    first = experiment_book.FirstCall(
        "greeting", experiment_book.hashed(str(CONTACT)), "control", CallId(system, "1764400000.1"),
        at, zero_out=False, abandoned=False,
    )  # fmt: skip

    async def work(link: Any) -> None:
        await link.execute(
            insert(churn_warnings).values(
                crm=CONTACT.crm, contact_id=CONTACT.id, raised_on=at.date(), raised_at=at,
                from_stage="active", to_stage="at_risk", because="late",
            )
        )  # fmt: skip
        owing = ChurnTasks(tiers=["vip"], days=90, a_night=5)
        await owing.owe(link, [raised], night=at)
        await experiment_book.enter(
            link, first.subject, first.call_id, at, calls=[first], experiments=["greeting"]
        )

    await database.writer.write(work)


def leave_remnants(house: House) -> bool:
    """What was written and removed again long ago, as an import's rows are, by a SQLite that
    overwrites nothing. Whether it is there: PostgreSQL's files are its own."""
    path = house.folder / "switchboard.db"
    if not path.exists():
        return False
    told = f"remnant of {FIRST} {LAST} " * 5_000
    with closing(sqlite3.connect(path, isolation_level=None)) as link:
        link.execute("PRAGMA secure_delete=OFF")
        link.execute("UPDATE agents SET state_reason = ? WHERE login = 'ben'", (told,))
        link.execute("UPDATE agents SET state_reason = NULL")
    return b"remnant of" in path.read_bytes()


async def everything(house: House, seals: Seals | None = None) -> dict[str, str]:
    """Where what stands: every row of every table, every message. Without `seals`, what whoever
    took the database reads."""
    found = {}
    async with Database(house.url, seals=seals) as database, database.read() as link:
        for table in declared_metadata().sorted_tables:
            rows = [tuple(row) for row in await link.execute(select(table))]
            found[table.name] = "\n".join(map(repr, rows))
    return found | await _in_redis(house)


async def _in_redis(house: House) -> dict[str, str]:
    """All keys of the house, whatever they are called and made of."""
    client = redis.asyncio.from_url(house.redis_url)
    found = {}
    async for key in client.scan_iter(match=f"*{house.system}*"):
        kind = (await client.type(key)).decode()
        if kind == "stream":
            value: Any = await client.xrange(key)
        elif kind == "hash":
            value = await client.hgetall(key)
        else:
            assert kind == "string", f"{key!r} is a {kind}"
            value = await client.get(key)
        found[f"redis {key.decode()}"] = repr((key, value))
    await client.aclose()
    return found


def files(house: House) -> dict[str, str]:
    """By name, as far as bytes can be text; with the database's own where it is a file."""
    return {
        f"{path.relative_to(house.folder)}": path.name + path.read_bytes().decode("latin-1")
        for path in sorted(house.folder.rglob("*"))
        if path.is_file()
    }


def hits(found: dict[str, str]) -> dict[str, list[str]]:
    """By place: which needles."""
    told = {place: [each for each in NEEDLES if each in text] for place, text in found.items()}
    return {place: needles for place, needles in told.items() if needles}

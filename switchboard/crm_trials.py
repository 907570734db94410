"""What the commands of the CRM do: open it beside a running server, ask, show, leave."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from calls.caller import Contact
from calls.deadlines import Deadline
from calls.errors import Misconfigured, SwitchboardError
from config.settings import Settings
from crm_adapter import phone_numbers
from crm_adapter.adapter import CrmAdapter, CrmError, PhoneHit
from crm_adapter.adapters.choice import adapter_named, names_of
from crm_adapter.advice import advice
from crm_adapter.connection import CrmConnection
from crm_adapter.http.traces import SQL, Exchange
from crm_adapter.live.number_choices import NumberChoices
from crm_adapter.trial import Trial, named, tried, warnings_of
from storage.database import Database
from switchboard.offline import opened

_CHECK_S = 10.0
_GOES_ON = "What came so far is kept: the same command goes on from there."
#: Of a raw answer on the screen; `--json` has all of it.
_SHOWN = 1_500


async def trials(
    settings: Settings, number: str, *, crm: str | None, within_s: float
) -> list[Trial]:
    """Raises Misconfigured for what is no number, or no CRM of the settings."""
    e164 = _e164(settings, number)
    found = []
    async with opened(settings) as database:
        for name in _wanted(settings, crm):
            trial = Trial(name, e164)
            async with _open(name, settings, database, trial.exchanges.append) as adapter:
                region = settings.crm.region
                found.append(await tried(adapter, trial, region=region, within_s=within_s))
    return found


def _e164(settings: Settings, number: str) -> str:
    e164 = phone_numbers.to_e164(number, settings.crm.region)
    if e164 is None:
        raise Misconfigured(f"'{number}' is no telephone number; give it as +1202...")
    return e164


@dataclass(frozen=True, slots=True)
class Checked:
    """What is wrong with a CRM, and what could not be found out."""

    crm: str
    error: str | None
    warnings: tuple[str, ...] = ()


async def checked(settings: Settings, *, crm: str | None) -> list[Checked]:
    told = []
    async with opened(settings) as database:
        for name in _wanted(settings, crm):
            try:
                async with _open(name, settings, database) as adapter:
                    await Deadline.after(_CHECK_S).bound(name, adapter.check())
                    told.append(Checked(name, None, warnings_of(adapter)))
            except SwitchboardError as error:
                todo = advice(name, error)
                told.append(Checked(name, named(error) + (f"\n  {todo}" if todo else "")))
    return told


def _wanted(settings: Settings, crm: str | None) -> tuple[str, ...]:
    names = names_of(settings)
    if crm is None:
        return names
    if crm not in names:
        raise Misconfigured(f"'{crm}' is not among the CRMs in use: {', '.join(names)}")
    return (crm,)


@asynccontextmanager
async def _open(
    name: str,
    settings: Settings,
    database: Database,
    trace: Callable[[Exchange], None] | None = None,
) -> AsyncIterator[CrmAdapter]:
    adapter = adapter_named(name, settings=settings, database=database, trace=trace)
    await adapter.open()
    try:
        yield adapter
    finally:
        await adapter.close()


async def copied(settings: Settings, progress: Callable[[int], None]) -> None:
    """Whole copies of every CRM that tells of changes. Raises CrmError, which says what to do."""
    async with (
        opened(settings) as database,
        CrmConnection(settings=settings, database=database) as connection,
    ):
        for keeper in connection.keepers:
            try:
                await keeper.copy_all(progress)
            except CrmError as error:
                todo = advice(keeper.crm, error) or ""
                error.args = (f"{named(error)}\n{todo}\n{_GOES_ON}",)
                raise


async def index_states(settings: Settings) -> list[dict[str, Any]]:
    async with opened(settings) as database:
        connection = CrmConnection(settings=settings, database=database)
        rows = []
        for keeper in connection.keepers:
            state = await keeper.state()
            rows.append(
                {
                    "crm": keeper.crm,
                    "contacts": await connection.index.count(keeper.crm),
                    "copied_at": state.copied_at,
                    "changed_at": state.changed_at,
                    "copying_since": state.copy_started_at,
                }
            )
        return rows


async def choices(settings: Settings) -> list[dict[str, Any]]:
    async with opened(settings) as database:
        return [
            {"number": number, "contact": str(contact), "agent": agent, "at": at}
            for number, contact, agent, at in await NumberChoices(database=database).all()
        ]


async def forget_choice(settings: Settings, number: str) -> bool:
    """Raises Misconfigured for what is no number."""
    e164 = _e164(settings, number)
    async with opened(settings) as database:
        return await NumberChoices(database=database).undo(e164)


def as_json(trial: Trial) -> dict[str, Any]:
    return {**asdict(trial), "is_good": trial.is_good}


def show(trial: Trial, console: Console, *, limit_s: float) -> None:
    """`limit_s`: how long a caller would have waited."""
    for exchange in trial.exchanges:
        console.print(_exchange(exchange))
    if trial.check_error:
        console.print(Text(f"check: {trial.check_error}", style="red"), soft_wrap=True)
    for warning in trial.warnings:
        console.print(Text(f"check: {warning}", style="yellow"), soft_wrap=True)
    if trial.error:
        console.print(Text(f"{trial.crm}: {trial.error}", style="red"), soft_wrap=True)
    if trial.advice:
        console.print(Text(trial.advice), soft_wrap=True)
    if trial.error:
        return
    console.print(_hits(trial))
    if trial.contact is not None:
        console.print(_contact(trial.contact))
    took_s = (trial.find_s or 0) + (trial.get_s or 0)
    verdict = "in time for the caller" if took_s <= limit_s else "too late: the menu goes on"
    console.print(f"{trial.crm}: {took_s * 1000:.0f} ms, {verdict} (limit {limit_s * 1000:.0f} ms)")


def _exchange(exchange: Exchange) -> Panel:
    if exchange.method == SQL:
        return _statement(exchange)
    status = "no answer" if exchange.status is None else str(exchange.status)
    text = Text(f"{_shortened(unquote(exchange.url))}\n", overflow="fold")
    text.append(f"{exchange.request}\n" if exchange.request else "")
    text.append(_shortened(exchange.answer), style="dim")
    path = urlsplit(exchange.url).path
    title = Text(f"{status}, {exchange.seconds * 1000:.0f} ms: {exchange.method} {path}")
    return Panel(text, title=title, title_align="left")


def _statement(exchange: Exchange) -> Panel:
    text = Text(f"{exchange.request}\n", overflow="fold")
    text.append(_shortened(exchange.answer), style="dim")
    rows = "1 row" if exchange.status == 1 else f"{exchange.status} rows"
    title = Text(f"{rows}, {exchange.seconds * 1000:.0f} ms: SQL")
    return Panel(text, title=title, title_align="left")


def _shortened(text: str) -> str:
    if len(text) <= _SHOWN:
        return text
    return f"{text[:_SHOWN]}\n… {len(text) - _SHOWN} characters more (--json)"


def _hits(trial: Trial) -> Table | Text:
    if not trial.hits:
        return Text("nobody has this number: a stranger")
    table = Table()
    for name in ("contact", "name", "company", "kind", "numbers as stored", "has this number"):
        table.add_column(name, overflow="fold")
    for hit in trial.hits:
        table.add_row(*(Text(word) for word in _hit_row(hit, hit in trial.verified)))
    return table


def _hit_row(hit: PhoneHit, verified: bool) -> tuple[str, ...]:
    candidate = hit.candidate
    numbers = ", ".join(hit.numbers)
    name, company = candidate.name, candidate.company or ""
    return (str(candidate.ref), name, company, hit.kind.value, numbers, "yes" if verified else "no")


def _contact(contact: Contact) -> Table:
    table = Table("field", "value")
    for label, value in (
        ("name", contact.name),
        ("company", contact.company),
        ("language", contact.language),
        ("owner", contact.owner),
        ("address in the CRM", contact.url),
        ("purchases", _counted(len(contact.purchases), contact.purchases)),
        ("open orders", sum(order.is_open for order in contact.orders)),
        ("open cases", sum(case.is_open for case in contact.cases)),
        ("owns", ", ".join(sorted(contact.owns))),
    ):
        table.add_row(label, Text("–" if value in (None, "") else str(value)))
    return table


def _counted(count: int, purchases: tuple[Any, ...]) -> str:
    return f"{count}, the last on {purchases[0].at:%Y-%m-%d}" if purchases else "0"

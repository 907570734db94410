"""`switchboard models drift`: what has changed since the models were trained."""

from __future__ import annotations

import asyncio
import json
import math
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from config.settings import Settings
from switchboard.terminal import ConfigOption, out, read_settings, sentences

if TYPE_CHECKING:
    from scoring.drift.findings import Finding
    from scoring.drift.findings_book import Measured

_COLOURS = {"unknown": "dim", "steady": "green", "watch": "yellow", "retrain": "red"}


def add_to(app: typer.Typer) -> None:
    """`app` is that of `switchboard models`."""
    app.command(name="drift")(drift)


def drift(
    every: Annotated[
        bool, typer.Option("--all", help="Also what is steady, and what there is too little of.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs; always everything.")] = (
        False
    ),
    config: ConfigOption = None,
) -> None:
    """Say what has changed since the models were trained, as the last nightly work measured it.

    Exit 1 where a model should be trained again.

    Example: [bold]switchboard models drift[/bold]
    Example: [bold]switchboard models drift --all[/bold]
    """
    from scoring.drift.findings import Level

    with sentences():
        measured = asyncio.run(_last(read_settings(config)))
    if as_json:
        out.print_json(json.dumps(_for_programs(measured), ensure_ascii=False))
    elif measured is None:
        out.print("nothing was measured yet: the nightly work does it, or: switchboard nightly")
    else:
        _show(measured, every=every)
    worst = max((each.level.rank for each in measured.findings), default=0) if measured else 0
    raise typer.Exit(1 if worst >= Level.RETRAIN.rank else 0)


async def _last(settings: Settings) -> Measured | None:
    from scoring.drift.findings_book import FindingsBook
    from switchboard.offline import opened

    async with opened(settings) as database:
        return await FindingsBook(database).last()


def _show(measured: Measured, *, every: bool) -> None:
    from scoring.drift.findings import Level

    out.print(Text(f"measured {measured.at:%Y-%m-%d %H:%M} UTC"))
    shown = [each for each in measured.findings if every or each.level.rank >= Level.WATCH.rank]
    table = Table("model", "measure", "level", "rows", "what it means")
    for each in shown:
        level = Text(each.level.value, style=_COLOURS[each.level.value])
        table.add_row(each.model or "calls", _measure(each), level, str(each.rows), Text(each.said))
    if shown:
        out.print(table)
    else:
        out.print(
            Text(f"none of {len(measured.findings)} measures has changed; all of them: --all")
        )


def _measure(finding: Finding) -> str:
    return f"{finding.measure} {finding.subject}".strip().replace("_", " ")


def _for_programs(measured: Measured | None) -> dict[str, Any]:
    if measured is None:
        return {"measured_at": None, "findings": []}
    return {
        "measured_at": measured.at.isoformat(timespec="seconds"),
        "findings": [
            {
                "model": each.model or None,
                "version": each.version or None,
                "measure": each.measure,
                "subject": each.subject or None,
                "level": each.level.value,
                "value": None if math.isnan(each.value) else each.value,
                "reference": None if math.isnan(each.reference) else each.reference,
                "rows": each.rows,
                "said": each.said,
            }
            for each in measured.findings
        ],
    }

"""`switchboard segments`: who the contacts are, who moved since the last run, who may leave."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table
from rich.text import Text

from config.settings import Settings
from switchboard.terminal import ConfigOption, err, out, read_settings, sentences


def segments(
    page: Annotated[
        Path | None, typer.Option("--page", help="Also write one readable file: FILE.html.")
    ] = None,
    language: Annotated[
        Literal["en", "zh"], typer.Option(help="Of the page and its pictures.")
    ] = "en",
    warnings: Annotated[
        int, typer.Option(min=0, max=1_000, help="So many churn warnings are listed.")
    ] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    config: ConfigOption = None,
) -> None:
    """Sizes of all segments, movements since the run before, and who may be leaving.

    As `switchboard score` found them last; exit 1 where it never ran.

    Example: [bold]switchboard segments --page segments.html --language zh[/bold]
    """
    with sentences():
        told = asyncio.run(_told(read_settings(config), warnings))
        if told is None:
            err.print(Text("no contact was scored yet; run: switchboard score"))
            raise typer.Exit(1)
        if page is not None:
            from switchboard.segment_page import segment_page

            _write(page, segment_page(told, language))
    if as_json:
        out.print_json(json.dumps(told, ensure_ascii=False))
        return
    _print(told)
    if page is not None:
        out.print(Text(f"the page is in {page}"), soft_wrap=True)


async def _told(settings: Settings, warnings: int) -> dict[str, Any] | None:
    from switchboard.offline import opened
    from switchboard.segment_figures import segment_figures

    async with opened(settings) as database:
        return await segment_figures(database, settings, most_warnings=warnings)


def _write(page: Path, text: str) -> None:
    """All of it or nothing: somebody may be reading the page of yesterday."""
    handle, name = tempfile.mkstemp(dir=page.parent, prefix=f".{page.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(page)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _print(told: dict[str, Any]) -> None:
    by = "margin" if told["value_by"] == "margin" else "spend (the CRM tells no costs)"
    out.print(Text(f"{told['contacts']} contacts scored {told['ran_at']}; value by {by}"))
    share = told["pareto_share"]
    if share is not None:
        out.print(Text(f"the top 20 % of buyers hold {share:.1%} of the value"))
    table = Table("kind", "segment", "contacts", "share")
    for kind, sizes in told["sizes"].items():
        for name, many in sizes.items() if kind != "rfm" else ():
            share_of = f"{many / told['contacts']:.1%}" if told["contacts"] else "-"
            table.add_row(*map(Text, (kind, name, str(many), share_of)))
    out.print(table)
    _print_grid(told["sizes"].get("rfm", {}))
    if told["compared_with"] is None:
        out.print(Text("movements are known from the second run on"))
    else:
        _print_movements(told)
    found = told["churn_warnings"]
    waiting = f", {found['waiting']} wait for a task" if found["waiting"] else ""
    stand = f"{found['count']} churn warnings stand, {found['new']} of the last run{waiting}"
    out.print(Text(stand), soft_wrap=True)
    for one in found["newest"]:
        task = f" (task for the owner, {one['task_at'][:10]})" if one["task_at"] else ""
        out.print(Text(f"  {one['contact']}: {one['because']}{task}"), soft_wrap=True)


def _print_grid(cells: dict[str, int]) -> None:
    """Recency downwards from the best, frequency to the right."""
    if not cells:
        return
    fifths = "12345"
    table = Table("recency", *(f"frequency {one}" for one in fifths), title="RFM, 5 is the best")
    for recency in reversed(fifths):
        table.add_row(recency, *(str(cells.get(f"{recency}{one}", 0)) for one in fifths))
    out.print(table)


def _print_movements(told: dict[str, Any]) -> None:
    rows = [(kind, *map(str, move)) for kind, moves in told["movements"].items() for move in moves]
    if not rows:
        out.print(Text(f"nobody moved since {told['compared_with']}"))
        return
    table = Table("kind", "from", "to", "contacts", title=f"moved since {told['compared_with']}")
    for row in rows:
        table.add_row(*map(Text, row))
    out.print(table)

"""`switchboard nightly`: a night's work, by hand or as the server's child."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from calls.errors import SwitchboardError
from config.settings import Settings
from config.settings_file import load_settings
from switchboard import logs
from switchboard.nightly.background import step_back
from switchboard.terminal import ConfigOption, err, out, read_settings, sentences

if TYPE_CHECKING:
    from scoring.nightly.run_book import Run
    from scoring.nightly.sequence import Began, Step, Told


def add_to(app: typer.Typer) -> None:
    app.command()(nightly)


def nightly(
    night: Annotated[str | None, typer.Option(hidden=True)] = None,
    limit_s: Annotated[float, typer.Option(hidden=True, min=1)] = 4 * 3600.0,
    config: ConfigOption = None,
) -> None:
    """Do now what the server does every night: score, measure drift, train where that asks for it.

    The server starts it by itself at `scoring.nightly_at`. Of all nodes only one works at a time.
    Calls go on meanwhile. Exit 1 where a step failed; the others are done all the same.

    Example: [bold]switchboard nightly[/bold]
    """
    if night is not None:
        step_back(limit_s)
        with sentences():
            settings = load_settings(config)
            logs.set_up(level="INFO", mask=settings.privacy.mask_numbers)
            raise typer.Exit(_worked(settings, night, lambda step: lambda done, total: None)[0])
    by_hand = f"by hand {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    with sentences():
        settings = read_settings(config)
        with _bars() as began:
            code, run = _worked(settings, by_hand, began)
    if run is not None:
        _show(run)
    raise typer.Exit(code)


def _worked(settings: Settings, night: str, began: Began) -> tuple[int, Run | None]:
    try:
        return asyncio.run(_work(settings, night, began))
    except asyncio.CancelledError:
        return 128 + signal.SIGTERM, None


async def _work(settings: Settings, night: str, began: Began) -> tuple[int, Run | None]:
    from scoring.nightly.run_book import DONE, LeaseLost, NotClaimed, RunBook
    from scoring.nightly.sequence import work_through
    from switchboard.nightly.steps import Tonight, steps_of
    from switchboard.offline import opened

    task = asyncio.current_task()
    assert task is not None
    with suppress(NotImplementedError):
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)

    def now() -> datetime:
        return datetime.now(UTC)

    async with opened(settings) as database:
        book = RunBook(database=database, now=now)
        tonight = Tonight(settings=settings, database=database, now=now)
        try:
            state = await work_through(night, steps_of(tonight), book=book, began=began)
        except NotClaimed as why:
            raise SwitchboardError(str(why)) from why
        except LeaseLost as lost:
            raise SwitchboardError(str(lost)) from lost
        return (0 if state == DONE else 1), await book.run_of(night)


@contextmanager
def _bars() -> Iterator[Began]:
    """A line for each step that has begun; nothing in a pipe."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:

        def began(step: Step) -> Told:
            task = progress.add_task(step.title, total=None)
            return lambda done, total: progress.update(task, completed=done, total=total)

        yield began


def _show(run: Run) -> None:
    table = Table("step", "state", "seconds", "what it did")
    for step in run.steps:
        table.add_row(step.name, step.state, f"{step.seconds:.1f}", Text(step.said))
    out.print(table)

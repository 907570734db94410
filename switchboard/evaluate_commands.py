"""`switchboard evaluate`: the models on somebody's own history, before anybody trusts them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from calls.errors import Misconfigured
from switchboard.terminal import err, out, sentences

if TYPE_CHECKING:
    from scoring.evaluation.figures import Evaluation, Figure
    from scoring.models.metrics import Interval

#: What `switchboard evaluate` needs beyond the server's own packages.
TRAINING_PACKAGES = ("polars",)


def add_to(app: typer.Typer) -> None:
    app.command()(evaluate)


def evaluate(
    purchases: Annotated[
        Path | None,
        typer.Option(help="CSV or Parquet: customer_id, date, amount; product, quantity if any."),
    ] = None,
    calls: Annotated[
        Path | None, typer.Option(help="CSV or Parquet: customer_id, start, choice.")
    ] = None,
    outcomes: Annotated[
        Path | None, typer.Option(help="Any table of past contacts with an outcome; see --target.")
    ] = None,
    offers: Annotated[
        Path | None,
        typer.Option(help="Offers made: arm, probability (of choosing it), outcome; the context."),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(help="Names in the file: customer_id=CustomerID,amount=Quantity*UnitPrice."),
    ] = None,
    cut: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last day that is known; what follows is tested."),
    ] = None,
    horizon: Annotated[
        int | None, typer.Option(min=1, max=3650, help="Days after the cut. For purchases.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Column of the outcome. For --outcomes.")
    ] = None,
    good: Annotated[
        str | None, typer.Option(help="The good outcome, where it is not plain (yes, 1, true).")
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(help="Column of the contact's time; without it the rows stand in order."),
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(help="Columns not to learn from; may be repeated.")
    ] = None,
    retrain_every: Annotated[
        int | None, typer.Option(min=1, help="Rows between trainings. For --outcomes.")
    ] = None,
    date_format: Annotated[
        str | None, typer.Option(help="How dates are written, if guessed wrong: %d/%m/%Y %H:%M")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Test the models on your own history: what came after the cut is only compared with.

    Each figure stands beside its baselines, with where it lies in 95 of 100 resamplings of the
    customers. Nothing is kept, and no settings are needed.

    Example: [bold]switchboard evaluate --purchases orders.csv --cut 2026-06-30 --horizon 30[/bold]
    Example: [bold]switchboard evaluate --calls calls.parquet --columns choice=service[/bold]
    Example: [bold]switchboard evaluate --outcomes contacts.csv --target y --time at[/bold]
    Example: [bold]switchboard evaluate --offers offers.csv --json[/bold]
    """
    given = [name for name in (purchases, calls, outcomes, offers) if name is not None]
    if len(given) != 1:
        raise typer.BadParameter("give one of --purchases, --calls, --outcomes, --offers")
    if outcomes is not None and target is None:
        raise typer.BadParameter("--outcomes needs --target: the column of the outcome")
    with sentences():
        check_packages()
        with _bar() as progress:
            found = _evaluated(
                purchases=purchases,
                calls=calls,
                outcomes=outcomes,
                offers=offers,
                columns=columns or [],
                cut=cut.date() if cut else None,
                horizon=horizon,
                target=target or "",
                good=good,
                time=time,
                drop=[name for each in drop or [] for name in each.split(",") if name],
                retrain_every=retrain_every,
                date_format=date_format,
                progress=progress,
            )
    if as_json:
        out.print_json(json.dumps(for_programs(found), default=str))
    else:
        show(found)


def check_packages() -> None:
    """Raises Misconfigured."""
    from importlib.util import find_spec

    missing = [name for name in TRAINING_PACKAGES if find_spec(name) is None]
    if missing:
        raise Misconfigured(
            f"evaluate needs {', '.join(missing)}, which the server does without: "
            "pip install 'switchboard-pbx[train]'"
        )


def _evaluated(
    *,
    purchases: Path | None,
    calls: Path | None,
    outcomes: Path | None,
    offers: Path | None,
    columns: list[str],
    cut: date | None,
    horizon: int | None,
    target: str,
    good: str | None,
    time: str | None,
    drop: list[str],
    retrain_every: int | None,
    date_format: str | None,
    progress: Callable[[str, int, int], None],
) -> Evaluation:
    from scoring.evaluation.outside_files import parse_renames

    renames = parse_renames(columns)
    if purchases is not None:
        from scoring.evaluation.purchases import evaluate_purchases

        return evaluate_purchases(
            purchases,
            renames=renames,
            cut=cut,
            horizon_days=horizon,
            date_format=date_format,
            progress=progress,
        )
    if calls is not None:
        from scoring.evaluation.calls import evaluate_calls

        return evaluate_calls(
            calls, renames=renames, cut=cut, date_format=date_format, progress=progress
        )
    if offers is not None:
        from scoring.evaluation.offers import evaluate_offers

        return evaluate_offers(offers, renames=renames, drop=drop, good=good, progress=progress)
    assert outcomes is not None
    from scoring.evaluation.outcomes import evaluate_outcomes

    return evaluate_outcomes(
        outcomes,
        renames.get("target", target),
        time=renames.get("time", time),
        drop=drop,
        good=good,
        retrain_every=retrain_every,
        date_format=date_format,
        progress=progress,
    )


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
        task = progress.add_task("reading", total=None)

        def report(what: str, done: int, total: int) -> None:
            progress.update(task, description=what, completed=done, total=total)

        yield report


def for_programs(found: Evaluation) -> dict[str, Any]:
    """Numbers that are none (nothing to measure) become null."""
    plain: dict[str, Any] = _finite(asdict(found))
    for section, figures in zip(found.sections, plain["sections"], strict=True):
        for figure, each in zip(section.figures, figures["figures"], strict=True):
            each["verdict"] = figure.verdict
    return plain


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def show(found: Evaluation) -> None:
    for name, fact in found.facts.items():
        out.print(Text(f"{name.replace('_', ' ')}: {_fact(fact)}"), soft_wrap=True)
    for section in found.sections:
        table = Table(
            "figure",
            "model",
            "95 of 100",
            "baselines",
            "against the best",
            title=f"{section.title} ({section.rows:,} tested)",
            title_justify="left",
        )
        for figure in section.figures:
            table.add_row(
                figure.name,
                f"{figure.model.value:.4f}",
                _range(figure.model),
                Text("\n".join(f"{each.value:.4f} {name}" for name, each in figure.others.items())),
                Text(_against(figure)),
            )
        out.print(table)
    for note in found.notes:
        out.print(Text(f"note: {note}"), soft_wrap=True)


def _against(figure: Figure) -> str:
    if figure.gain is None:
        return figure.verdict
    return f"{figure.verdict}: {figure.gain.value:+.4f} ({_range(figure.gain)})"


def _range(interval: Interval) -> str:
    return f"{interval.low:.4f} to {interval.high:.4f}"


def _fact(fact: object) -> str:
    if isinstance(fact, dict):
        return ", ".join(f"{name}={value}" for name, value in fact.items() if value is not None)
    if isinstance(fact, list | tuple):
        return ", ".join(str(each) for each in fact) or "none"
    return str(fact)

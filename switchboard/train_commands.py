"""`switchboard train`: models from this company's own purchases and calls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from calls.errors import Misconfigured
from switchboard.engines import EngineOption, trainer_on
from switchboard.terminal import ConfigOption, err, out, read_settings, sentences

if TYPE_CHECKING:
    from collections.abc import Collection

    from config.settings import Settings
    from scoring.models.boosting import Trainer
    from scoring.registry.card import ModelKind
    from scoring.training.work import Outcome

_FIGURES = 3
_Told = Callable[[str, int, int], None]


def add_to(app: typer.Typer) -> None:
    app.command()(train)


def train(
    only: Annotated[
        list[str] | None,
        typer.Option(help="churn, purchases, offers or intents; may be repeated.", metavar="KIND"),
    ] = None,
    horizon: Annotated[
        int | None,
        typer.Option(min=1, max=365, help="Days ahead; else scoring.horizon_days.", metavar="DAYS"),
    ] = None,
    engine: EngineOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    config: ConfigOption = None,
) -> None:
    """Train the models anew from all purchases and calls, and test them on the latest of these.

    Each is kept with a card. One that is surely better than counting, or than the one in use, may
    be promoted: by `switchboard promote`, or at once where scoring.promote is auto. Exit 1 where
    nothing could be trained.

    Example: [bold]switchboard train[/bold]
    Example: [bold]switchboard train --only churn --horizon 60 --json[/bold]
    Example: [bold]switchboard train --engine dask://10.0.0.5:8786[/bold]
    """
    kinds = _kinds(only or [])
    with sentences():
        _check_packages()
        settings = read_settings(config)
        days = horizon or settings.scoring.horizon_days
        with trainer_on(engine) as trainer, _bar() as told:
            found = asyncio.run(trained(settings, kinds, days, told, trainer))
    if as_json:
        out.print_json(json.dumps([for_programs(each) for each in found], ensure_ascii=False))
    else:
        for outcome in found:
            _show(outcome)
    raise typer.Exit(0 if any(each.card is not None for each in found) else 1)


async def trained(
    settings: Settings,
    kinds: Collection[ModelKind],
    horizon_days: int,
    told: _Told,
    trainer: Trainer | None = None,
) -> list[Outcome]:
    """Raises Unavailable or Misconfigured where the purchases cannot be read, Unavailable where
    the cluster fails."""
    from crm_adapter.call_histories import DatabaseCallHistories
    from crm_adapter.connection import CrmConnection
    from scoring.models.boosting import train as train_here
    from scoring.registry.registry import ModelRegistry
    from scoring.training.past import read_past
    from scoring.training.work import Wishes, train_all
    from switchboard.offline import moment_of_rulebook, opened

    now = datetime.now(UTC)
    async with (
        opened(settings) as database,
        CrmConnection(settings=settings, database=database) as connection,
    ):
        past = await read_past(
            connection.purchase_histories(),
            DatabaseCallHistories(database=database),
            now=now,
            progress=lambda done, total: told("reading", done, total),
        )
    wishes = Wishes(
        horizon_days=horizon_days,
        promote=settings.scoring.promote == "auto",
        product_of=_products(settings),
        moment_of=moment_of_rulebook(settings),
        held_out=_held_out(settings.rulebook.control_share),
        trainer=trainer or train_here,
    )
    registry = ModelRegistry(settings.scoring.models_dir)
    return await asyncio.to_thread(train_all, past, registry, kinds, wishes, now=now, told=told)


def _held_out(share: float) -> Callable[[str], bool]:
    from calls.caller import ContactRef
    from ivr.control_group import CONTROL, arm_of

    return lambda contact: arm_of(ContactRef.parse(contact), share) == CONTROL


def _products(settings: Settings) -> dict[str, str]:
    """By offer of the rulebook that is used, its product; none where it cannot be read."""
    from calls.errors import SwitchboardError
    from switchboard.offline import rulebook_in_use

    try:
        offers = rulebook_in_use(settings).offers
    except SwitchboardError as error:
        err.print(Text(f"offers are learned from purchases alone: {error}"), soft_wrap=True)
        return {}
    return {name: offer.product for name, offer in offers.items()}


def _kinds(names: list[str]) -> list[ModelKind]:
    from scoring.registry.card import ModelKind

    try:
        return [ModelKind(name) for name in names] or list(ModelKind)
    except ValueError as error:
        raise typer.BadParameter(f"--only is one of {', '.join(ModelKind)}") from error


def _check_packages() -> None:
    from importlib.util import find_spec

    if find_spec("polars") is None:
        raise Misconfigured(
            "train needs polars, which the server does without: "
            "pip install 'switchboard-pbx[train]'"
        )


@contextmanager
def _bar() -> Iterator[_Told]:
    columns = (TextColumn("{task.description}"), BarColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
        task = progress.add_task("reading", total=None)

        def told(what: str, done: int, total: int) -> None:
            progress.update(task, description=what, completed=done, total=total)

        yield told


def for_programs(outcome: Outcome) -> dict[str, Any]:
    card = outcome.card
    return {
        "kind": str(outcome.kind),
        "version": card.version if card else None,
        "gate": card.decision.promoted if card else None,
        "promoted": outcome.promoted,
        "because": list(outcome.because),
        "card": card.model_dump(mode="json") if card else None,
    }


def _show(outcome: Outcome) -> None:
    card = outcome.card
    if card is None:
        out.print(Text(f"{outcome.kind}: not trained"))
    else:
        passed = "in use" if outcome.promoted else "kept, not in use"
        told = ", ".join(
            f"{name} {figure.value:.4g}" for name, figure in list(card.metrics.items())[:_FIGURES]
        )
        out.print(Text(f"{outcome.kind}: {card.version} {passed}; {told}"), soft_wrap=True)
    for reason in outcome.because:
        out.print(Text(f"  {reason}"), soft_wrap=True)

"""The commands of the trained models: list, show, promote, rollback."""

from __future__ import annotations

import asyncio
import getpass
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from switchboard.terminal import ConfigOption, err, out, read_settings, sentences

if TYPE_CHECKING:
    from pathlib import Path

    from scoring.registry.card import ModelCard, ModelKind
    from scoring.registry.registry import Move

#: Figures that the table shows, of those that a card has.
_KEY_FIGURES = 3

_KindArgument = Annotated[
    str, typer.Argument(metavar="KIND", help="churn, purchases, offers or intents.")
]
_VersionArgument = Annotated[
    str, typer.Argument(metavar="VERSION", help="As listed; its beginning or end is enough.")
]
_JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]
_BecauseOption = Annotated[
    str, typer.Option("--because", help="Why; kept in the model's history.", metavar="TEXT")
]

models_app = typer.Typer(
    no_args_is_help=False,
    rich_markup_mode="rich",
    help="The trained models: what there is, which are used, and why.\n\n"
    "Example: [bold]switchboard models[/bold]",
)


def add_to(app: typer.Typer) -> None:
    app.add_typer(models_app, name="models")
    app.command()(promote)


@models_app.callback(invoke_without_command=True)
def list_models(
    context: typer.Context, as_json: _JsonOption = False, config: ConfigOption = None
) -> None:
    """List the trained models of each kind, oldest first; `*` stands before those in use.

    Exit 1 where a model's card is damaged.

    Example: [bold]switchboard models[/bold]
    Example: [bold]switchboard models show churn 8f3a[/bold]
    """
    if context.invoked_subcommand is not None:
        return
    from scoring.registry.card import ModelKind
    from scoring.registry.refusals import ModelRefused

    rows: list[tuple[ModelCard, str]] = []
    damaged: list[str] = []
    with sentences():
        registry = _registry(config)
        for kind in ModelKind:
            try:
                pointer = registry.pointer(kind)
            except ModelRefused as error:
                pointer = None
                damaged.append(str(error))
            marks = {pointer.previous: "previous", pointer.current: "current"} if pointer else {}
            rows += [(card, marks.get(card.version, "")) for card in registry.versions(kind)]
            damaged += registry.damaged(kind).values()
    if as_json:
        told = [{**card.model_dump(mode="json"), "mark": mark} for card, mark in rows]
        out.print_json(json.dumps({"models": told, "damaged": damaged}))
    elif rows:
        out.print(_table(rows))
    else:
        out.print(Text("there are no models yet; `switchboard train` makes them"), soft_wrap=True)
    for told_of in damaged:
        err.print(Text(told_of), soft_wrap=True)
    raise typer.Exit(1 if damaged else 0)


@models_app.command()
def show(
    kind: _KindArgument,
    version: _VersionArgument,
    as_json: _JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show a model's card: how good it is beside its baselines, and what it was learned from.

    Example: [bold]switchboard models show churn 20261128-023000-8f3a11c2[/bold]
    Example: [bold]switchboard models show offers 8f3a --json[/bold]
    """
    with sentences():
        registry = _registry(config)
        which = _kind(kind)
        card = registry.card(which, registry.full_version(which, version))
        moves = registry.history(which, card.version)
        page = registry.folder_of(which, card.version) / "card.html"
    if as_json:
        told = {
            **card.model_dump(mode="json"),
            "history": [move.model_dump(mode="json") for move in moves],
        }
        out.print_json(json.dumps(told, ensure_ascii=False))
    else:
        _show(card, moves, page)


@models_app.command(name="promote")
def promote(
    kind: _KindArgument,
    version: _VersionArgument,
    force: Annotated[
        bool, typer.Option("--force", help="Although its gate said no; needs --because.")
    ] = False,
    because: _BecauseOption = "",
    config: ConfigOption = None,
) -> None:
    """Put a trained model to use, if it passed its gate and can be loaded.

    A running server takes it within a minute. Exit 1 where it is refused; the one in use stays.
    The way back is `switchboard models rollback KIND`: `switchboard rollback` is the rulebook's.

    Example: [bold]switchboard models promote churn 8f3a[/bold]
    Example: [bold]switchboard promote churn 8f3a[/bold]
    Example: [bold]switchboard models promote churn 8f3a --force --because "a trial"[/bold]
    """
    if force and not because.strip():
        raise typer.BadParameter("--force needs --because TEXT")
    with sentences():
        registry = _registry(config)
        which = _kind(kind)
        full = registry.full_version(which, version)
        registry.promote(which, full, forced=force, because=because, by=_me())
    out.print(Text(f"{which} {full} is in use; a running server takes it within a minute"))
    out.print(Text(f"the way back: switchboard models rollback {which}"))


@models_app.command()
def rollback(
    kind: _KindArgument, because: _BecauseOption = "", config: ConfigOption = None
) -> None:
    """Put the model back that was used before; again: the one before that.

    Example: [bold]switchboard models rollback churn --because "too many false alarms"[/bold]
    """
    with sentences():
        which = _kind(kind)
        card = _registry(config).rollback(which, because=because, by=_me())
    out.print(Text(f"{which} {card.version} is in use; a running server takes it within a minute"))


@models_app.command()
def prune(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be removed.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Remove versions that nobody needs any more, as the nightly work does.

    Of each kind these stay: the one in use, the one before it, the newest `scoring.models_kept`,
    and those that decided calls of the last 90 days. Exit 1 where it is not known which one is in
    use: nothing of that kind is removed then.

    Example: [bold]switchboard models prune --dry-run[/bold]
    """
    from switchboard.offline import models_pruned

    with sentences():
        found = asyncio.run(models_pruned(read_settings(config), dry_run=dry_run))
    word = "would be removed" if dry_run else "was removed"
    told = [f"{kind} {each} {word}" for kind, all_of in found.removed.items() for each in all_of]
    for line in told or ["no model is to be removed"]:
        out.print(Text(line), soft_wrap=True)
    for refused in found.refused.values():
        err.print(Text(refused), soft_wrap=True)
    raise typer.Exit(1 if found.refused else 0)


def _registry(config: Path | None) -> Any:
    from scoring.registry.registry import ModelRegistry

    return ModelRegistry(read_settings(config).scoring.models_dir)


def _kind(text: str) -> ModelKind:
    from scoring.registry.card import ModelKind

    try:
        return ModelKind(text)
    except ValueError as error:
        raise typer.BadParameter(f"'{text[:40]}' is none of {', '.join(ModelKind)}") from error


def _me() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def _table(rows: list[tuple[ModelCard, str]]) -> Table:
    table = Table("", "kind", "version", "gate", "key figures", "contacts", "until")
    for card, mark in rows:
        table.add_row(
            Text({"current": "*", "previous": "<"}.get(mark, "")),
            str(card.kind),
            card.version,
            "passed" if card.decision.promoted else "no",
            Text(_key_figures(card)),
            str(card.contacts),
            f"{card.window.until:%Y-%m-%d}" if card.window else "–",
        )
    table.caption = "* in use, < used before"
    return table


def _key_figures(card: ModelCard) -> str:
    found = list(card.metrics.items())[:_KEY_FIGURES]
    return ", ".join(f"{name} {figure.value:.4g}" for name, figure in found) or "–"


def _show(card: ModelCard, moves: tuple[Move, ...], page: Path) -> None:
    from scoring.registry.card_page import said

    out.print(Text(f"{card.kind} {card.version}", style="bold"))
    word = "passed its gate" if card.decision.promoted else "did not pass its gate"
    against = f", compared with {card.champion}" if card.champion else ""
    out.print(Text(word + against))
    for reason in card.decision.because:
        out.print(Text(f"  {reason}"), soft_wrap=True)
    table = Table("figure", "this model (95 % interval)", *card.baselines)
    for name, figure in card.metrics.items():
        others = [found.get(name) for found in card.baselines.values()]
        table.add_row(name, said(figure), *(said(other) if other else "–" for other in others))
    out.print(table if card.metrics else Text("no figures were kept"))
    for group, figures in card.slices.items():
        told = ", ".join(f"{name} {said(figure)}" for name, figure in figures.items())
        out.print(Text(f"{group}: {told}"), soft_wrap=True)
    if card.importance:
        largest = sorted(card.importance.items(), key=lambda item: -item[1])[:8]
        out.print(Text("looks at: " + ", ".join(f"{name} {share:.0%}" for name, share in largest)))
    days = f", {card.window.since:%Y-%m-%d} to {card.window.until:%Y-%m-%d}" if card.window else ""
    out.print(Text(f"learned from {card.rows} rows of {card.contacts} contacts{days}"))
    for move in moves:
        forced = " against its gate's word" if move.forced else ""
        why = f": {move.because}" if move.because else ""
        out.print(Text(f"{move.at:%Y-%m-%d %H:%M} UTC {move.action}{forced} by {move.by}{why}"))
    out.print(Text(f"as a page: {page}"), soft_wrap=True)

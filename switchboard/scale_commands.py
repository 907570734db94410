"""`switchboard features`, and `switchboard score --rows`: contacts past one machine's memory."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from switchboard.engines import EngineOption, need, spread_over
from switchboard.terminal import err, out, read_settings, sentences


def add_to(app: typer.Typer) -> None:
    app.command()(features)


def features(
    purchases: Annotated[
        Path,
        typer.Argument(
            help="A folder of Parquet files: customer_id, date, amount; product, quantity if any."
        ),
    ],
    folder: Annotated[Path, typer.Option("--out", help="Where rows and slices are kept.")],
    cut: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last day that is known; without it, today (UTC)."),
    ] = None,
    parts: Annotated[
        int, typer.Option(min=1, max=4096, help="Memory is that of the largest.")
    ] = 64,
    columns: Annotated[
        list[str] | None,
        typer.Option(help="Names in the files: customer_id=CustomerID,date=InvoiceDate."),
    ] = None,
    engine: EngineOption = None,
) -> None:
    """Compute every contact's row of numbers from any number of purchases, in little memory.

    The next run reads only files that changed, and computes only parts that changed; one that was
    killed goes on where it was. With --engine, all workers must see the folder under its path.

    Example: [bold]switchboard features exports/ --out contacts/[/bold]
    """
    from switchboard.progress import bar

    with sentences():
        need("features", "polars", "pyarrow")
        from scoring.cluster.contact_parts import build_parts
        from scoring.evaluation.outside_files import parse_renames

        renames = parse_renames(columns or [])
        with spread_over(engine) as spread:
            built = build_parts(
                purchases,
                folder.resolve(),
                cut=cut.date() if cut else _today(),
                parts=parts,
                spread=spread,
                renames=renames,
                watch=partial(bar, console=err),
            )
    told = f"{built.contacts:,} contacts from {built.purchases:,} purchases"
    if built.left_out:
        told += f" ({built.left_out:,} without a customer or a day left out)"
    out.print(f"{told}; {built.computed} of {built.parts} parts computed", soft_wrap=True)


def score_rows(
    *, rows: Path, model: str, folder: Path, engine: str | None, config: Path | None
) -> None:
    """For `switchboard score --rows`. `model`: a kind, or the folder of a version."""
    from switchboard.progress import bar

    with sentences():
        need("score --rows", "polars", "pyarrow")
        from scoring.cluster.part_scores import score_parts

        version = _version(model, config)
        with spread_over(engine) as spread, bar("scoring contacts", err) as progress:
            count = score_parts(
                rows.resolve(), version, folder.resolve(), spread=spread, progress=progress
            )
    out.print(f"{count:,} contacts scored")


def _version(model: str, config: Path | None) -> Path:
    """The folder of the one in use, where a kind is named."""
    from calls.errors import Misconfigured
    from scoring.registry.card import ModelKind
    from scoring.registry.registry import ModelRegistry

    if model not in list(ModelKind):
        return Path(model).resolve()
    registry = ModelRegistry(read_settings(config).scoring.models_dir)
    card = registry.current(ModelKind(model))
    if card is None:
        raise Misconfigured(f"no {model} model is in use; `switchboard models` lists what there is")
    return registry.folder_of(card.kind, card.version).resolve()


def _today() -> date:
    return datetime.now(UTC).date()

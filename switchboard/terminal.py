"""What every command shares: two consoles, the settings, and sentences instead of tracebacks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from calls.errors import SwitchboardError
from config.settings import Settings
from config.settings_file import load_settings
from switchboard import logs

out = Console()
err = Console(stderr=True)

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        # Whether it can be read is found out by reading it, and said as of any other file.
        readable=False,
        help="Settings file; without it ./switchboard.yaml if any.",
    ),
]


@contextmanager
def sentences() -> Iterator[None]:
    """What is wrong becomes a sentence and exit 1; never a traceback for the user's mistake."""
    try:
        yield
    except BrokenPipeError:
        # Whoever read us has gone; there is nobody to tell.
        raise
    except (SwitchboardError, OSError) as error:
        err.print(Text(_sentence(error)), soft_wrap=True)
        raise typer.Exit(1) from error


def _sentence(error: SwitchboardError | OSError) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or f"{type(error).__name__}: no answer in time"


def read_settings(config: Path | None) -> Settings:
    settings = load_settings(config)
    logs.set_up(level="WARNING", mask=settings.privacy.mask_numbers)
    return settings

"""Commands and what they said, on one line."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner, Result

from switchboard import cli


def runs(*words: str | Path) -> Result:
    return CliRunner().invoke(cli.app, [str(word) for word in words])


def told(result: Result) -> str:
    return " ".join(result.output.split())

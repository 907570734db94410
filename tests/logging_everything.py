"""Has a process that would log from INFO on log from DEBUG on."""

from __future__ import annotations

from pathlib import Path
from typing import Final

#: Python reads it as it starts.
_LEAVES_NOTHING_OUT: Final = """
import logging

set_level = logging.Logger.setLevel

def lower(logger, level):
    set_level(logger, "DEBUG" if logger is logging.root and level == "INFO" else level)

logging.Logger.setLevel = lower
"""


def in_first(folder: Path) -> None:
    """Of a process whose PYTHONPATH begins with `folder`."""
    (folder / "sitecustomize.py").write_text(_LEAVES_NOTHING_OUT, encoding="utf-8")

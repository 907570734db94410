"""Examples out of the pages of `docs`, so that what people copy is what is tried."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def whole_example(page: str) -> str:
    """The first YAML below the heading "A whole example"."""
    return _first(page, "## A whole example", "yaml")


def printed_python(page: str, heading: str) -> str:
    """The first Python below the heading."""
    return _first(page, heading, "python")


def printed_shell(page: str, heading: str) -> str:
    """The first shell command below the heading."""
    return _first(page, heading, "sh")


def printed_yaml(page: str, heading: str) -> str:
    """The first YAML below the heading."""
    return _first(page, heading, "yaml")


def printed_json(page: str, heading: str) -> str:
    """The first JSON below the heading."""
    return _first(page, heading, "json")


def _first(page: str, heading: str, language: str) -> str:
    text = (DOCS / page).read_text(encoding="utf-8")
    below = text[text.index(heading) :]
    found = re.search(rf"^ *```{language}\n(.*?)^ *```$", below, re.DOTALL | re.MULTILINE)
    assert found is not None
    return textwrap.dedent(found[1])

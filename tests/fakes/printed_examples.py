"""Examples out of the pages of `docs`, so that what people copy is what is tried."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def whole_example(page: str) -> str:
    """The first YAML below the heading "A whole example"."""
    text = (DOCS / page).read_text(encoding="utf-8")
    below = text[text.index("## A whole example") :]
    found = re.search(r"```yaml\n(.*?)```", below, re.DOTALL)
    assert found is not None
    return found[1]

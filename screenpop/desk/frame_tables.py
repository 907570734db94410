"""The frames as tables for docs/screenpop-api.md, out of the protocol's own words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

PAGE = Path(__file__).parents[2] / "docs" / "screenpop-api.md"

#: Said once for all that have them.
_OF_ALL = ("v", "ts", "kind")
_OF_POPS = ("seq", "pop_id")


def with_tables(
    page: str, server: Sequence[type[BaseModel]], client: Sequence[type[BaseModel]]
) -> str:
    """`page` with the tables between `<!-- server frames -->` or `<!-- client frames -->` and
    `<!-- /frames -->`."""
    for name, models in (("server", server), ("client", client)):
        rows = "".join(f"{_row(model)}\n" for model in models)
        table = f"| `kind` | fields | meaning |\n|---|---|---|\n{rows}"
        found = re.search(rf"<!-- {name} frames[^\n]* -->\n(.*?)<!-- /frames -->", page, re.DOTALL)
        if found is None:
            raise ValueError(f"there is no <!-- {name} frames --> on the page")
        page = page[: found.start(1)] + table + page[found.end(1) :]
    return page


def _row(model: type[BaseModel]) -> str:
    kind = model.model_fields["kind"].default
    skipped = (*_OF_ALL, *(_OF_POPS if kind.startswith("pop.") else ()))
    fields = ", ".join(f"`{name}`" for name in model.model_fields if name not in skipped)
    meaning = " ".join((model.__doc__ or "").split()).replace("|", "\\|")
    return f"| `{kind}` | {fields or '–'} | {meaning} |"

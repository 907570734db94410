"""The mappings that we ship, for tests that ask nothing of the clock."""

from __future__ import annotations

import re
from pathlib import Path

from crm_adapter.mapped.files import PRESETS

_HURRY = re.compile(r"(?<=\btimeout_ms: )[0-9]+(?=\}$)", re.MULTILINE)


def unhurried(folder: Path, name: str) -> Path:
    """REST mapping `name` below `folder`, the same but that a busy server is waited for."""
    text, found = _HURRY.subn("30000", (PRESETS / "rest" / f"{name}.yaml").read_text("utf-8"))
    assert found == 1, "the mapping says once how long a question may take"
    file = folder / f"{name}.yaml"
    file.write_text(text, "utf-8")
    return file

"""What is said of people in the log, and how long what is kept of them is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from config.section import Section

KeptKind = Literal[
    "calls", "pops", "traces", "messages", "outbox", "leads", "profiles", "experiments"
]
Days = Annotated[int, Field(ge=0, le=36_500)]

KEEP_DAYS: Final[dict[KeptKind, int]] = {
    "calls": 180,
    "pops": 30,
    "traces": 14,
    "messages": 90,
    "outbox": 60,
    "leads": 365,
    "profiles": 730,
    "experiments": 365,
}


class EncryptionSettings(Section):
    """What `privacy.encryption` is made of."""

    key_file: Path | None = None


class PrivacySettings(Section):
    mask_numbers: bool = True
    """Numbers in the log keep their last two digits only."""
    keep: dict[KeptKind, Days] = KEEP_DAYS
    """Days that each kind of rows is kept, 0: for ever. What is not named here stays as it is by
    default. See docs/privacy.md."""
    recordings_dir: Path | None = None
    """Asterisk's folder of messages (`monitor` in its `astspooldir`) as this machine sees it.
    Without it nothing is removed there, and `privacy erase` names the files."""

    encryption: EncryptionSettings = EncryptionSettings()
    """`key_file`: the file of the key by which numbers, names and notes lie sealed in the database,
    made by `switchboard privacy new-key`; the same on all machines, and in no backup. Without it
    nothing is sealed. See docs/privacy.md."""

    @property
    def keep_days(self) -> dict[KeptKind, int]:
        """`keep` over the defaults."""
        return {**KEEP_DAYS, **self.keep}

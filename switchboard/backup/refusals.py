"""Why a backup is not made, or not put back."""

from __future__ import annotations

from calls.errors import SwitchboardError


class BackupRefused(SwitchboardError):
    """Nothing was changed; the sentence says why and what to do."""


class ArchiveRefused(BackupRefused):
    """The archive is damaged, is none, or was made to do harm."""

"""Why a model is not used."""

from __future__ import annotations

from calls.errors import SwitchboardError


class ModelRefused(SwitchboardError):
    """A model, its card or the pointer to it cannot be used; the message says which and why."""

"""Why a model is not used."""

from __future__ import annotations

from calls.errors import SwitchboardError


class ModelRefused(SwitchboardError):
    """A model, its card or the pointer to it cannot be used; the message says which and why."""


class NotTried(ModelRefused):
    """For a reason that passes: a file that could not be read now, a trial that took too long."""

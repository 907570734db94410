"""The root of what can go wrong, drawn as a tree.

SwitchboardError
+-- CallerHungUp        the normal end of a dialog, raised out of a channel's commands
+-- ChannelBroken       the AGI connection failed; the dialplan's fallback has the caller
+-- Unavailable         an outside system did not answer; says which and what to do
+-- DeadlineExceeded    an outside system did not answer in time
+-- Misconfigured       settings or a rulebook are wrong; the message names file and line
"""

from __future__ import annotations


class SwitchboardError(Exception):
    """Something Switchboard knows how to name."""


class CallerHungUp(SwitchboardError):
    """The caller has gone. Not a fault."""


class ChannelBroken(SwitchboardError):
    """The connection to Asterisk for this call is unusable."""


class Unavailable(SwitchboardError):
    """An outside system cannot be used now."""


class DeadlineExceeded(Unavailable):
    """An outside system did not answer in the time it was given."""


class Misconfigured(SwitchboardError):
    """What somebody wrote cannot be used; the message says where and how to mend it."""

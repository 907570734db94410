"""Settings of the process that watches the server (`switchboard run --watchdog`)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.section import Seconds, Section


class WatchdogSettings(Section):
    frozen_after_s: Annotated[float, Field(ge=2.5, le=60)] = 4.0
    """A server that serves and gave no sign of life for so long is frozen: its callers are sent to
    the default queue, it is killed and started again."""
    start_silence_s: Seconds = 30.0
    """The same before it serves: it may be reading a large rulebook or models."""
    restarts: int = Field(5, ge=1, le=100)
    """After so many ends within `restarts_within_s` it is not started again: the watchdog ends too
    and says why."""
    restarts_within_s: Seconds = 60.0
    """See `restarts`."""
    standby: bool = True
    """Keep the next server ready, its code loaded and nothing begun: some 150 MB of memory for
    seconds without menus when it is needed."""
    stop_limit_s: Seconds = 60.0
    """A server that was asked to stop and has not after so long is killed."""

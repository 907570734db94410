"""For loops around clients that lose a cancellation."""

from __future__ import annotations

import asyncio


def still_wanted() -> bool:
    """Raises CancelledError where the client took our cancellation for the end of a connection
    (seen with redis 8.1.0, while it connects)."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
    return True

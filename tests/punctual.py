"""Whether something keeps to its time, on a machine that is busy with other work too."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

#: What is due is late after that long. Twice the time would be, for all that is asked for half a
#: second or more.
MARGIN_S = 0.45


async def in_time(
    asked: Coroutine[Any, Any, T], seconds: float, *, margin_s: float = MARGIN_S
) -> T:
    """What `asked` returns or raises; fails where it takes longer than `seconds` and a margin.

    The margin begins when this process has seen the end of `seconds`, so that one which was kept
    waiting for a processor is not taken for one that waited on.
    """
    task = asyncio.create_task(asked, name="to be in time")
    try:
        await asyncio.wait({task}, timeout=seconds)
        await asyncio.wait({task}, timeout=margin_s)
        if not task.done():
            raise AssertionError(f"not over after {seconds:g} s and {margin_s:g} s more")
        return task.result()
    finally:
        task.cancel()

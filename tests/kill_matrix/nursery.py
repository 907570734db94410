"""Where lives begin: a process that has imported everything and forks itself for each, since Python
takes longer to import than a life takes.

A line of standard input is a life as JSON; its exit status, as `os.waitstatus_to_exitcode` says
it, is the line of standard output that answers.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from calls import crash_points
from tests.kill_matrix import driver, migration

_PROGRAMS: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {
    "records": driver.main,
    "migration": migration.main,
}


def _live(order: dict[str, Any]) -> int:
    if order["crash_at"] is not None:
        os.environ[crash_points.VARIABLE] = order["crash_at"]
    # Reads the environment, as it does in a process of its own.
    importlib.reload(crash_points)
    try:
        asyncio.run(_PROGRAMS[order["program"]](*order["arguments"]))
    except BaseException:  # noqa: BLE001 -- told to whoever ordered it
        traceback.print_exc()
        sys.stderr.flush()
        return 1
    return 0


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(_live(json.loads(line)))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()

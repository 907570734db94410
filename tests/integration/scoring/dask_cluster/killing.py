"""A process that is killed in the middle of something."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def killed_once(
    ready: Callable[[], bool], victim: int, then: Callable[[], object] = lambda: None
) -> Iterator[list[float]]:
    """Kills the process as soon as that is so; when that was."""
    killed_at: list[float] = []

    def kill() -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until and not killed_at:
            if ready():
                os.kill(victim, signal.SIGKILL)
                killed_at.append(time.monotonic())
                then()
            time.sleep(0.005)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield killed_at
    finally:
        killer.join()

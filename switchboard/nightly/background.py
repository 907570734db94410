"""What a process does first that must never be in the way of calls."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

LOWEST_PRIORITY = 19
#: proc(5), oom_score_adj: where memory runs out, we go and the server stays.
_FIRST_TO_GO = "1000"
#: Threads of numerical libraries, read when they are imported.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")


def step_back(limit_s: float) -> None:
    """The lowest priority, the first to go where memory runs out, half of the cores, and an end
    after `limit_s` that nothing in this process can put off (the kernel's SIGALRM). Called before
    anything numerical is imported."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")
    # Last of what is seen from outside: whoever sees this priority sees the rest too.
    os.setpriority(os.PRIO_PROCESS, 0, LOWEST_PRIORITY)
    for name in THREADS:
        os.environ.setdefault(name, str(max(1, (os.cpu_count() or 1) // 2)))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, limit_s)

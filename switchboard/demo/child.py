"""A program started by us that cannot outlive us."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def start(
    argv: Sequence[str], *, folder: Path, output: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """`argv` running in `folder`, without a terminal, its words appended to `output`.

    Where util-linux's setpriv is there (any Linux), the kernel kills the child when the thread that
    called this ends, however it ends: so call it from a thread that lasts.
    """
    setpriv = shutil.which("setpriv")
    prefix = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
    with output.open("ab") as words:
        return subprocess.Popen(
            [*prefix, *argv],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
            # Ctrl-C reaches us alone: we end our programs in an order of our own.
            process_group=0,
        )


def stop(process: subprocess.Popen[bytes], *, grace_s: float) -> int:
    """Asks it to end, then makes it; returns its exit status. Blocks for up to `grace_s`."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()

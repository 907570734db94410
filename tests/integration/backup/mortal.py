"""Commands that die where they are told to, each in a process of its own, and all of them started
from one that has imported everything once.

    python -m tests.integration.backup.mortal      (lines of JSON: [POINT, [WORD, ...]])
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Self

from calls import crash_points
from storage.shapes import known_revisions
from switchboard import cli
from switchboard.backup import restoring

ROOT = Path(__file__).parents[3]


class Mortal:
    """`with Mortal() as mortal`: `mortal.run(point, words)` returns the exit code."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], cwd=ROOT, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env=dict(os.environ) | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.communicate(timeout=30)

    def run(self, point: str, *words: str) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([point, words]) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def main() -> None:
    # Slow, and then known to all children.
    restoring.postgres_copy.known_shape(known_revisions()[-1])
    for line in sys.stdin:
        point, words = json.loads(line)
        child = os.fork()
        if child == 0:
            os.dup2(2, 1)
            crash_points._left = {point: 1}
            try:
                cli.app(words)
            finally:
                os._exit(0)
        _pid, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

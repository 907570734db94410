"""A server that does what a test of the watchdog wants, life by life.

    python -m tests.fakes.watched_server FOLDER HOW [HOW ...]

`FOLDER/lives` grows by a line with each life; the last HOW is that of all later lives, too.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import time
from pathlib import Path
from typing import Never

from switchboard.notify import ALIVE, READY, STOPPING, ServiceManager
from switchboard.watchdog.served import SHOW_STACKS, told_to_go, watched_by

BEAT_S = 0.05
#: Silent, but not for as long as the test's watchdog bears.
STALL_S = 0.5
manager = ServiceManager.taken_from(os.environ)


def serve() -> Never:
    while True:
        manager.tell(ALIVE)
        time.sleep(BEAT_S)


def stop(*_: object) -> None:
    manager.tell(STOPPING)
    sys.exit(0)


def somewhere_in_the_code() -> Never:
    while True:
        signal.pause()


def live(how: str) -> None:
    if how == "refuse":
        sys.exit(3)
    if how == "unwilling":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if how == "come back":
        signal.signal(SHOW_STACKS, lambda *_: manager.tell(ALIVE))
    manager.tell(READY, "STATUS=serving")
    if how == "block":
        somewhere_in_the_code()
    elif how == "freeze":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif how == "stall":
        time.sleep(STALL_S)
    elif how == "come back":
        signal.pause()
    elif how == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "exit":
        sys.exit(3)
    serve()


def main() -> None:
    if not told_to_go(os.environ):
        return
    signal.signal(signal.SIGTERM, stop)
    watched = watched_by(os.environ)
    assert watched is not None
    faulthandler.register(SHOW_STACKS, file=watched.stacks)
    folder, *hows = Path(sys.argv[1]), *sys.argv[2:]
    with (folder / "lives").open("a+", encoding="ascii") as lives:
        lives.seek(0)
        life = len(lives.readlines())
        lives.write(f"{os.getpid()}\n")
    live(hows[min(life, len(hows) - 1)])


if __name__ == "__main__":
    main()

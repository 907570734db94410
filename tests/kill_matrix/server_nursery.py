"""Where whole servers begin: a process that has imported everything and forks itself for each.

A line of standard input is the path of a settings file; the lines that answer are the child's pid,
and, once it has ended, its exit status as `os.waitstatus_to_exitcode` says it. SIGUSR2 arms the
child: it then dies at what the file `arm` beside its settings says, `POINT:N`.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import select
import signal
import sys
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory

from calls import crash_points
from config.settings import Settings
from config.settings_file import load_settings
from switchboard import serve
from switchboard.demo import free_ports
from switchboard.wiring import Centre


def _serve(config: Path) -> int:
    log = os.open(config.with_name("server.log"), os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)

    def arm(_number: int, _frame: object) -> None:
        said = config.with_name("arm").read_text("ascii")
        crash_points._left = crash_points.armed({crash_points.VARIABLE: said})
        config.with_name("armed").touch()

    signal.signal(signal.SIGUSR2, arm)
    try:
        return serve.run(load_settings(config), config)
    except BaseException:  # noqa: BLE001 -- told to whoever looks into its log
        traceback.print_exc()
        return 1


async def _practise() -> None:
    """What a server learns as it starts for the first time, its children then know."""
    with TemporaryDirectory(prefix="switchboard-nursery-") as folder:
        settings = {
            "agi": {"port": free_ports.tcp()},
            "web": {"host": "127.0.0.1", "port": free_ports.tcp()},
            "ami": {"port": free_ports.tcp(), "secret": "nobody listens"},
            "storage": {"url": f"sqlite:///{folder}/switchboard.db"},
            "speech": {"cache_dir": f"{folder}/prompts", "keep_warm": False},
            "rulebook": {"state_dir": f"{folder}/rulebooks"},
        }
        logging.disable()  # of nobody who listens
        async with Centre(Settings.model_validate(settings)):
            pass
        logging.disable(logging.NOTSET)
    gc.collect()
    gc.freeze()


def _status_of(child: int) -> int:
    """Once it has ended. Whoever ordered it says nothing meanwhile, unless they are gone: then it
    is ended too."""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if select.select([sys.stdin], [], [], 0.02)[0]:
            os.kill(child, signal.SIGKILL)


def main() -> None:
    asyncio.run(_practise())
    print("here", flush=True)
    while line := sys.stdin.readline():
        child = os.fork()
        if child == 0:
            os._exit(_serve(Path(line.strip())))
        print(child, flush=True)
        print(_status_of(child), flush=True)


if __name__ == "__main__":
    main()

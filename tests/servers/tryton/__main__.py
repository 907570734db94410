"""Makes what the tests with Tryton need, ahead of them; `--serve` starts one to look at.

Example: python -m tests.servers.tryton --serve
"""

from __future__ import annotations

import sys
import threading

from tests.servers.tryton.program import tryton_program
from tests.servers.tryton.server import running_tryton


def main(words: list[str]) -> int:
    if words not in ([], ["--serve"]):
        print(__doc__, file=sys.stderr)
        return 2
    if not words:
        tryton_program()
        return 0
    with running_tryton() as server:
        print(f"{server.url} database {server.database}")
        for login, password in server.passwords.items():
            print(f"  {login}: {password}")
        print("Ctrl-C ends it")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

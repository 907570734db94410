"""Makes what the tests with Odoo need, ahead of them; `--serve` starts one to look at.

Example: python -m tests.servers.odoo
"""

from __future__ import annotations

import sys
import threading

from switchboard.demo.private_servers import private_postgres
from tests.servers.odoo.program import OdooMissing, cache_folder, locked, odoo_program
from tests.servers.odoo.server import running_odoo
from tests.servers.odoo.template import kept_template, make_template


def main(words: list[str]) -> int:
    """0 also where Odoo cannot be had: its tests then say so themselves."""
    if words not in ([], ["--serve"]):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        if words:
            _serve()
        else:
            _prepare()
    except OdooMissing as error:
        print(f"Odoo 19 cannot be had here: {error}. Its tests will be skipped.", file=sys.stderr)
    return 0


def _prepare() -> None:
    cache = cache_folder()
    with locked(cache):
        program = odoo_program(cache)
        if kept_template(program, cache) is not None:
            return
        print("making Odoo's database (about a minute, once)", file=sys.stderr)
        with private_postgres() as cluster:
            make_template(program, cache, cluster)


def _serve() -> None:
    with private_postgres() as cluster, running_odoo(cluster) as server:
        print(f"{server.url} database {server.database} {server.dsn}")
        for login, key in server.keys.items():
            print(f"  {login}: {key}")
        print("Ctrl-C ends it")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

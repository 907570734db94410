"""A database with Odoo's modules in it, made once (about a minute) and kept as a dump."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from switchboard.demo.private_servers import postgres_program
from tests.servers.odoo.program import MODULES, OdooProgram

HERE = Path(__file__).parent
_COMMAND_LIMIT_S = 900
#: Names of the user we are in the tests, of a salesperson, of one without rights and of the
#: administrator.
LOGINS = ("switchboard", "anna", "nobody", "admin")


@dataclass(frozen=True, slots=True)
class Template:
    """`keys` are API keys and `ids` the ids of users by login."""

    dump: Path
    keys: dict[str, str]
    ids: dict[str, int]

    def restore(self, cluster: str, name: str) -> None:
        """Into a new database of that name."""
        asyncio.run(_create_database(cluster, name))
        _run([postgres_program("pg_restore"), "--no-owner", "--jobs=2",
              f"--dbname={cluster}/{name}", str(self.dump)])  # fmt: skip


def kept_template(program: OdooProgram, cache: Path) -> Template | None:
    """What the cache has for this program. Call it under `locked`."""
    home = _home(program, cache)
    if not home.exists():
        return None
    told = json.loads((home / "users.json").read_text())
    return Template(home / "dump", told["keys"], told["ids"])


def make_template(program: OdooProgram, cache: Path, cluster: str) -> Template:
    """In `cluster`, for the cache, instead of earlier ones. Call it under `locked`."""
    with tempfile.TemporaryDirectory(prefix="stage.", dir=cache) as stage:
        made = Path(stage) / "made"
        made.mkdir()
        _make(program, cluster, made)
        for earlier in cache.glob("database-*"):
            shutil.rmtree(earlier)
        made.rename(_home(program, cache))
    template = kept_template(program, cache)
    assert template is not None
    return template


def _home(program: OdooProgram, cache: Path) -> Path:
    """Of a program and a recipe."""
    parts = [
        program.version.encode(),
        program.python.parent.parent.name.encode(),
        *((HERE / name).read_bytes() for name in ("template.py", "first_users.py")),
    ]
    recipe = hashlib.sha256(b"\0".join(parts)).hexdigest()
    return cache / f"database-{recipe[:16]}"


def _make(program: OdooProgram, cluster: str, home: Path) -> None:
    name = "odoo_template"
    asyncio.run(_create_database(cluster, name))
    data = home.parent / "data"
    config = write_config(home.parent / "odoo.conf", cluster=cluster, data=data, port=1)
    _run(program.command("-c", str(config), "-d", name, "-i", ",".join(MODULES),
                         "--stop-after-init"), program)  # fmt: skip
    shell = program.command("shell", "-c", str(config), "-d", name, "--no-http")
    printed = _run(shell, program, (HERE / "first_users.py").read_text())
    (home / "users.json").write_text(printed.splitlines()[-1])
    _run([postgres_program("pg_dump"), "--format=custom", f"--file={home / 'dump'}",
          f"{cluster}/{name}"])  # fmt: skip
    asyncio.run(_administer(cluster, f'DROP DATABASE "{name}" WITH (FORCE)'))


def write_config(path: Path, *, cluster: str, data: Path, port: int) -> Path:
    """`cluster` is `postgresql://USER@HOST:PORT`."""
    user, _, place = cluster.removeprefix("postgresql://").partition("@")
    host, _, database_port = place.partition(":")
    options = {
        "db_host": host,
        "db_port": database_port,
        "db_user": user,
        "db_maxconn": 32,
        "data_dir": data,
        "http_interface": "127.0.0.1",
        "http_port": port,
        "workers": 0,
        "max_cron_threads": 0,
        "without_demo": True,
        "list_db": False,
        "log_level": "warn",
    }
    lines = [f"{name} = {value}" for name, value in options.items()]
    path.write_text("\n".join(["[options]", *lines, ""]))
    return path


async def _create_database(cluster: str, name: str) -> None:
    await _administer(cluster, f"CREATE DATABASE \"{name}\" ENCODING 'UTF8' TEMPLATE template0")


async def _administer(cluster: str, statement: str) -> None:
    connection = await asyncpg.connect(f"{cluster}/postgres", timeout=60)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _run(command: list[str], program: OdooProgram | None = None, given: str = "") -> str:
    done = subprocess.run(
        command,
        input=given,
        env=program.environment() if program else None,
        capture_output=True,
        text=True,
        check=False,
        timeout=_COMMAND_LIMIT_S,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stderr[-1500:]}")
    return done.stdout

"""Tryton's program: a virtual environment of its own, made once and kept below the user's cache
folder (about 130 MB), and a database with its modules in it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements.lock"
FIRST_RECORDS = HERE / "first_records.py"
MODULES = ("party", "sale", "sale_opportunity")
DATABASE = "crm"
#: The user we are, one without rights, and the administrator.
LOGINS = ("switchboard", "nobody", "admin")
_COMMAND_LIMIT_S = 600


@dataclass(frozen=True, slots=True)
class TrytonProgram:
    """`template` is the folder with the database that every run starts from."""

    home: Path
    template: Path
    passwords: dict[str, str]

    def command(self, name: str, *words: str) -> list[str]:
        return [str(self.home / "bin" / "python"), str(self.home / "bin" / name), *words]

    @staticmethod
    def environment() -> dict[str, str]:
        """Nothing of ours, so that no setting of this machine is obeyed."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
        return {**kept, "PYTHONNOUSERSITE": "1"}


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "switchboard" / "tryton"


def tryton_program() -> TrytonProgram:
    """From the cache, or made for it. Two runs at once: one makes it, the other waits."""
    cache = cache_folder()
    with _locked(cache):
        home = _environment(cache)
        template = _template(cache, home)
    return TrytonProgram(home, template, _passwords(template))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _environment(cache: Path) -> Path:
    lock = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    major, minor = sys.version_info[:2]
    home = cache / f"python-{major}.{minor}-{lock[:16]}"
    if (home / "whole").exists():
        return home
    _say("installing Tryton 8.2 (about a minute, once)")
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=False)
    _run([sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install",
          "--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes",
          "--requirement", str(REQUIREMENTS)])  # fmt: skip
    (home / "whole").touch()
    return home


def _template(cache: Path, home: Path) -> Path:
    """Keyed by the program and the recipe."""
    recipe = hashlib.sha256(home.name.encode())
    for part in (Path(__file__), FIRST_RECORDS):
        recipe.update(part.read_bytes())
    template = cache / f"database-{recipe.hexdigest()[:16]}"
    if template.exists():
        return template
    _say("making Tryton's database (about half a minute, once)")
    stage = cache / "stage"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    for login in LOGINS:
        (stage / f"{login}.password").write_text(secrets.token_urlsafe(18))
    (stage / f"{DATABASE}.sqlite").touch()
    config = write_config(stage / "trytond.conf", stage, port=1)
    program = TrytonProgram(home, stage, _passwords(stage))
    _run(program.command("trytond-admin", "-c", str(config), "-d", DATABASE, "--all",
                         "--email", "a@example.com", "-l", "en"),
         TRYTONPASSFILE=str(stage / "admin.password"))  # fmt: skip
    _run(program.command("trytond-admin", "-c", str(config), "-d", DATABASE, "-u", *MODULES,
                         "--activate-dependencies"))  # fmt: skip
    words = [f"{login}={(stage / f'{login}.password')}" for login in LOGINS]
    _run([str(home / "bin" / "python"), str(FIRST_RECORDS), str(config), DATABASE, *words])
    for earlier in cache.glob("database-*"):
        shutil.rmtree(earlier)
    stage.rename(template)
    return template


def _passwords(folder: Path) -> dict[str, str]:
    return {login: (folder / f"{login}.password").read_text() for login in LOGINS}


def write_config(path: Path, folder: Path, *, port: int) -> Path:
    lines = ["[database]", "uri = sqlite://", f"path = {folder}",
             "[web]", f"listen = 127.0.0.1:{port}"]  # fmt: skip
    path.write_text("\n".join([*lines, ""]))
    return path


def _say(text: str) -> None:
    print(f"tryton: {text}", file=sys.stderr, flush=True)


def _run(command: Sequence[str], **environment: str) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=_COMMAND_LIMIT_S,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:3])} failed: {done.stderr[-1500:]}")

"""Odoo 19's program: Debian's package unpacked (never installed) and a Python for it.

Both are made once and kept below the user's cache folder, about 250 MB. What Odoo needs from there
to serve its API is unpacked: translations, fonts and the web client's code are not, nor are the
modules that nobody installs.
"""

from __future__ import annotations

import ast
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements.lock"
#: Installed into the database; with everything that follows from them, 65 modules of 630.
MODULES = ("crm", "sale_management", "phone_validation", "contacts")
#: `account` imports from it without saying that it depends on it.
_UNDECLARED = ("base_vat",)
_ADDONS = PurePosixPath("odoo/addons")
_LEFT_OUT = {".po", ".pot", ".js", ".scss", ".ttf", ".woff", ".woff2", ".map"}
#: The database's list of modules wants these of every module there is.
_OF_EVERY_MODULE = {"__manifest__.py", "static/description/icon.png"}
_COMMAND_LIMIT_S = 900


class OdooMissing(RuntimeError):
    """No Odoo can be had on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class OdooProgram:
    """`version` is the package's, with its SHA-256."""

    python: Path
    code: Path
    version: str

    def command(self, *words: str) -> list[str]:
        return [str(self.python), "-m", "odoo", *words]

    def environment(self) -> dict[str, str]:
        """Nothing of ours, so that no setting of this machine is obeyed."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
        return {**kept, "PYTHONPATH": str(self.code), "PYTHONNOUSERSITE": "1"}


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "switchboard" / "odoo"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process at a time makes what is missing; the others wait."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def odoo_program(cache: Path) -> OdooProgram:
    """Call it under `locked`. Raises OdooMissing."""
    code = _newest_code(cache) or _fetched_code(cache)
    return OdooProgram(_python(cache), code, code.name.removeprefix("code-"))


def _newest_code(cache: Path) -> Path | None:
    found = sorted(cache.glob("code-*"), key=lambda path: path.stat().st_mtime)
    return found[-1] if found else None


def _fetched_code(cache: Path) -> Path:
    with tempfile.TemporaryDirectory(prefix="stage.", dir=cache) as stage:
        package = _download(Path(stage))
        version = package.name.split("_")[1]
        with package.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        unpacked = Path(stage) / "code"
        _unpack(package, unpacked)
        code = cache / f"code-{version}-{digest[:16]}"
        unpacked.rename(code)
    return code


def _download(stage: Path) -> Path:
    command = [str(HERE / "fetch.sh"), str(stage)]
    print("fetching Odoo 19 from Debian sid (about 120 MB, once)", file=sys.stderr)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_COMMAND_LIMIT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OdooMissing(f"its package could not be fetched: {error}") from error
    if done.returncode != 0:
        raise OdooMissing(" ".join(done.stderr.split()))
    return Path(done.stdout.splitlines()[-1])


def _unpack(package: Path, target: Path) -> None:
    """Twice through the package: whose modules are needed says only what they declare."""
    with _members(package) as members:
        manifests = {
            path.parts[2]: ast.literal_eval(archive.extractfile(member).read().decode())  # type: ignore[union-attr]
            for archive, member, path in members
            if path.match("odoo/addons/*/__manifest__.py") and len(path.parts) == 4
        }
    wanted = needed_modules(manifests)
    with _members(package) as members:
        for archive, member, path in members:
            if _is_needed(path, wanted):
                member.name = str(path)
                archive.extract(member, target, filter="data")


@contextmanager
def _members(
    package: Path,
) -> Iterator[Iterator[tuple[tarfile.TarFile, tarfile.TarInfo, PurePosixPath]]]:
    """The package's Python files below dist-packages."""
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE
    ) as unpacking:
        assert unpacking.stdout is not None
        with tarfile.open(fileobj=unpacking.stdout, mode="r|") as archive:
            yield _below_dist_packages(archive)
    if unpacking.returncode != 0:
        raise OdooMissing(f"{package.name} could not be unpacked")


def _below_dist_packages(
    archive: tarfile.TarFile,
) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo, PurePosixPath]]:
    base = PurePosixPath("usr/lib/python3/dist-packages")
    for member in archive:
        path = PurePosixPath(member.name)
        if member.isfile() and path.is_relative_to(base / "odoo"):
            yield archive, member, path.relative_to(base)


def needed_modules(manifests: Mapping[str, Mapping[str, object]]) -> frozenset[str]:
    """MODULES, what they depend on, and what Odoo installs by itself wherever those are."""
    wanted = {"base", "web", *MODULES}
    while True:
        grown = set(wanted)
        for name in wanted:
            grown |= _depends(manifests[name])
        grown |= {name for name, told in manifests.items() if _comes_by_itself(told, grown)}
        if grown == wanted:
            return frozenset(wanted)
        wanted = grown


def _comes_by_itself(manifest: Mapping[str, object], installed: set[str]) -> bool:
    by = manifest.get("auto_install")
    if not by or manifest.get("countries") or not manifest.get("installable", True):
        return False
    triggers = set(by) if isinstance(by, list | tuple | set) else _depends(manifest)
    return triggers <= installed


def _depends(manifest: Mapping[str, object]) -> set[str]:
    named = manifest.get("depends", ["base"])
    return {str(name) for name in named} if isinstance(named, list | tuple) else set()


def _is_needed(path: PurePosixPath, wanted: frozenset[str]) -> bool:
    if not path.is_relative_to(_ADDONS):
        return path.suffix not in _LEFT_OUT
    module, *rest = path.relative_to(_ADDONS).parts
    within = "/".join(rest)
    if within in _OF_EVERY_MODULE or not rest:
        return True
    if module not in wanted and module not in _UNDECLARED:
        return False
    return path.suffix not in _LEFT_OUT and not within.startswith(
        ("tests/", "static/tests/", "static/lib/")
    )


def _python(cache: Path) -> Path:
    """A virtual environment with the packages of the lock file."""
    lock = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    major, minor = sys.version_info[:2]
    home = cache / f"python-{major}.{minor}-{lock[:16]}"
    python = home / "bin" / "python"
    if (home / "whole").exists():
        return python
    shutil.rmtree(home, ignore_errors=True)
    venv.create(home, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet",
           "--disable-pip-version-check", "--no-input", "--no-compile", "--require-hashes",
           "--requirement", str(REQUIREMENTS)]  # fmt: skip
    done = subprocess.run(
        pip, capture_output=True, text=True, check=False, timeout=_COMMAND_LIMIT_S
    )
    if done.returncode != 0:
        raise OdooMissing(f"its Python packages could not be installed: {done.stderr[-300:]}")
    (home / "whole").touch()
    return python

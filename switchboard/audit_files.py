"""What of the audit log is not in the database: its key, and how far it had come when this machine
looked last."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import json
import os
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy.engine import make_url

from calls.errors import Misconfigured
from config.settings import Settings
from storage.audit_chain import AuditKey, Head
from switchboard import secret_file

KEY_FILE: Final = "key"


def load_key(file: Path) -> AuditKey:
    """Raises Misconfigured."""
    try:
        secret = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except OSError as error:
        raise Misconfigured(f"audit.folder: {file}: {error.strerror}") from error
    except ValueError:
        secret = b""
    if len(secret) != 32:
        raise Misconfigured(
            f"audit.folder: {file} is no key (64 hexadecimal digits): put the right one back, or "
            "move it away, and a new one is made"
        )
    return AuditKey(secret)


def key_of(settings: Settings) -> AuditKey:
    """Made where there is none; of several processes that start at once one makes it. Raises
    Misconfigured."""
    file = settings.audit.folder / KEY_FILE
    try:
        if not file.exists():
            _make(file)
    except OSError as error:
        raise Misconfigured(
            f"audit.folder: {error.filename}: {error.strerror}; name a folder that may be written"
        ) from error
    return load_key(file)


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".key.")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as made:
            made.write(f"{AuditKey.new().secret.hex()}\n")
            made.flush()
            os.fsync(made.fileno())
        # Unlike a rename it never takes the place of one that another process made just now.
        with contextlib.suppress(FileExistsError):
            os.link(name, file)
    finally:
        Path(name).unlink()


@dataclass(frozen=True, slots=True)
class SeenHead:
    """The file that remembers the newest head, of one database."""

    file: Path

    @classmethod
    def of(cls, settings: Settings) -> SeenHead:
        url = make_url(settings.storage.url)
        name = url.set(password=None).render_as_string()
        if url.get_backend_name() == "sqlite" and url.database:
            name = str(Path(url.database).resolve())
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        return cls(settings.audit.folder / f"head-{digest}.json")

    def read(self) -> Head | None:
        """None where nothing was kept. Raises Misconfigured for what is no head."""
        try:
            told = json.loads(self.file.read_text(encoding="ascii"))
            return Head(int(told["seq"]), str(told["mac"]))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Misconfigured(f"{self.file}: {error.strerror}") from error
        except (ValueError, TypeError, KeyError) as error:
            raise Misconfigured(f"{self.file} does not say how far the audit log came") from error

    def keep(self, head: Head, *, instead_of: Head | None) -> bool:
        """False where another process kept a newer one meanwhile. Raises OSError and
        Misconfigured."""
        now = self.read()
        if now is not None and now != instead_of and now.seq >= head.seq:
            return False
        self.replace(head)
        return True

    def replace(self, head: Head) -> None:
        """Raises OSError."""
        secret_file.replace(self.file, json.dumps({"seq": head.seq, "mac": head.mac}) + "\n")


def who_runs_this() -> str:
    """At the command line; whoever became root is told as who they were."""
    try:
        return f"os:{os.environ.get('SUDO_USER') or getpass.getuser()}"
    except (OSError, KeyError):
        return f"os:{os.getuid()}"


def where_from() -> str:
    return f"command line on {socket.gethostname()}"

"""The file with the key by which the database is sealed."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from calls.errors import Misconfigured
from config.settings import Settings
from storage.sealed.seals import SECRET_BYTES, Seals


def seals_of(settings: Settings) -> Seals | None:
    """None where nothing is sealed. Raises Misconfigured."""
    file = settings.privacy.encryption.key_file
    return None if file is None else read(file)


def read(file: Path) -> Seals:
    """Raises Misconfigured."""
    try:
        secret = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except OSError as error:
        raise Misconfigured(
            f"privacy.encryption.key_file: {file}: {error.strerror}: put the key's file there (of "
            "a database that was never sealed: `switchboard privacy new-key`)"
        ) from error
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise Misconfigured(
            f"privacy.encryption.key_file: {file} is no key (64 hexadecimal digits): put the right "
            "one back"
        )
    return Seals(secret)


def make(file: Path) -> Seals:
    """For its owner alone. Raises FileExistsError and OSError."""
    secret = secrets.token_bytes(SECRET_BYTES)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as made:
        made.write(f"{secret.hex()}\n")
        made.flush()
        os.fsync(made.fileno())
    return Seals(secret)


def is_open_to_others(file: Path) -> bool:
    return bool(file.stat().st_mode & 0o077)

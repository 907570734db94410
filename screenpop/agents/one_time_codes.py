"""Codes of an authenticator app (TOTP, RFC 6238: SHA-1, six digits, thirty seconds), and those for
the day when the app is lost."""

from __future__ import annotations

import hmac
import re
import secrets
from datetime import datetime
from urllib.parse import urlsplit

import pyotp

STEP_S = 30
#: Clocks of phones are this many steps fast or slow.
_APART = 1
RECOVERY_CODES = 10
#: Letters and digits that nobody takes for others.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
MARK = 4
_CODE = re.compile(r"[0-9]{6}")
_RECOVERY = re.compile(f"[{_ALPHABET}]{{16}}")
_BETWEEN = str.maketrans("", "", " -\t\u00a0")


def new_secret() -> str:
    """160 random bits, in Base32."""
    return pyotp.random_base32()


def address_of(secret: str, login: str, public_url: str | None) -> str:
    """What an authenticator app reads from the picture (otpauth:), with a name for this house."""
    host = urlsplit(public_url or "").hostname
    house = f"Switchboard {host}" if host else "Switchboard"
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=house)


def step_of(secret: str, code: str, now: datetime, *, after: int) -> int | None:
    """The step whose code this is, where it is later than `after`; None: of none."""
    if not _CODE.fullmatch(code):
        return None
    totp, here = pyotp.TOTP(secret), int(now.timestamp()) // STEP_S
    found = None
    # All are compared, so that the time taken tells nothing.
    for step in range(here - _APART, here + _APART + 1):
        if hmac.compare_digest(totp.at(step * STEP_S), code) and step > after:
            found = step
    return found


def new_recovery_codes() -> list[str]:
    """No two begin alike. Their 12 letters after the beginning are 59 random bits."""
    found: dict[str, str] = {}
    while len(found) < RECOVERY_CODES:
        code = "".join(secrets.choice(_ALPHABET) for _ in range(16))
        found[code[:MARK]] = "-".join(code[n : n + 4] for n in range(0, 16, 4))
    return list(found.values())


def as_typed(text: str) -> str:
    """However people space it."""
    return text.translate(_BETWEEN).lower()


def is_recovery_code(code: str) -> bool:
    return _RECOVERY.fullmatch(code) is not None

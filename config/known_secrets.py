"""Secrets that everybody knows: of samples, of other products, of lists of the most used ones."""

from __future__ import annotations

from typing import Final

#: `amp111` and `jEhdIekWmdjE` are FreePBX's (`AMPMGRPASS` of amportal.conf, and its manager.conf);
#: `mysecret` is of Asterisk's manager.conf.sample, `6001` of its pjsip.conf.sample; `odoo` is the
#: database's password in Odoo's Docker image, `demo` the log-in of CRMs' public demos.
_KNOWN: Final = frozenset(
    {
        "amp111", "jehdiekwmdje", "mysecret", "6001", "asterisk", "asterisk123", "freepbx",
        "elastix", "issabel", "vicidial", "changeme", "change-me", "change_me", "changeit",
        "change-me-please", "replaceme", "admin", "admin123", "adminadmin", "administrator",
        "root", "toor", "password", "password1", "password123", "passw0rd", "p@ssw0rd", "letmein",
        "welcome", "welcome1", "qwerty", "qwerty123", "iloveyou", "switchboard", "0000", "1111",
        "1234", "12345", "123456", "1234567", "12345678", "123456789", "1234567890", "11111111",
        "00000000", "abc12345", "abcd1234", "odoo", "demo", "postgres",
    }
)  # fmt: skip


def is_known(secret: str) -> bool:
    return secret.strip().lower() in _KNOWN

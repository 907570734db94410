"""The agents' phones in the browser, as Asterisk's pjsip.conf includes them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from importlib import resources

from ami_bridge.pbx_config import PbxConfigError
from calls.agents import Softphone
from config.settings import SoftphoneSettings

#: Where the file belongs; it is for Asterisk's user alone.
SOFTPHONES_FILE = "switchboard_softphones.conf"

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_SECRET = re.compile(r"[A-Za-z0-9]{16,64}")
_LONGEST_NAME = 60


def render_softphones(
    phones: Sequence[Softphone], settings: SoftphoneSettings, *, media_address: str | None = None
) -> str:
    """`media_address`: the one local address that sound comes from and goes to; None: Asterisk's
    choice. Raises PbxConfigError for what must not stand in Asterisk's files."""
    media = ""
    if media_address is not None:
        media = f"media_address = {_address(media_address)}\nbind_rtp_to_media_address = yes\n"
    values = {"CONTEXT": settings.context, "DOMAIN": settings.domain, "MEDIA": media}
    template = resources.files("deploy.asterisk").joinpath(SOFTPHONES_FILE).read_text("utf-8")
    head = re.sub("@([A-Z]+)@", lambda found: values[found[1]], template)
    return head + "".join(_phone(phone) for phone in phones)


def _phone(phone: Softphone) -> str:
    login = phone.login
    if not _LOGIN.fullmatch(login) or not _SECRET.fullmatch(phone.secret):
        raise PbxConfigError("a softphone has a login or a secret that Asterisk's files forbid")
    return f"""
[{login}](switchboard-softphone)
aors = {login}
auth = {login}
callerid = "{_plain(phone.name)}" <{login}>
[{login}](switchboard-softphone-aor)
[{login}](switchboard-softphone-auth)
username = {login}
password = {phone.secret}
"""


def _plain(name: str) -> str:
    """Of a name what means nothing in a file of Asterisk's and in a SIP header."""
    kept = "".join(c if c.isalnum() or c in " .'-" else " " for c in name)
    return " ".join(kept.split())[:_LONGEST_NAME].strip()


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise PbxConfigError("the media address must be an IP address") from error

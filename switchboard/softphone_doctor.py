"""The doctor's look at the softphones: does Asterisk speak with browsers, and know the agents?"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import secrets
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from ami_bridge.softphone_config import SOFTPHONES_FILE
from config.settings import Settings
from switchboard import asterisk_files
from switchboard.findings import Finding

_DEADLINE_S = 2.0
#: Of Asterisk 22; the name of an endpoint comes after the address.
_DEFAULT_ORDER = "ip,username,anonymous"


def connection(settings: Settings) -> Iterator[Finding]:
    """Nothing where no softphones are set up."""
    address = settings.softphone.asterisk_ws
    if address is None:
        return
    try:
        wrong = _shakes_hands(urlsplit(address))
    except (OSError, ValueError, http.client.HTTPException) as error:
        wrong = f"nothing answers ({type(error).__name__})"
    if not wrong:
        yield Finding("ok", f"softphones: Asterisk speaks SIP at {address}")
        return
    yield Finding(
        "error",
        f"softphones: {address}: {wrong}",
        "http.conf [general] enabled=yes with that bindaddr and bindport, and load "
        "res_pjsip_transport_websocket; or mend softphone.asterisk_ws",
    )


def files(settings: Settings, etc: Path) -> Iterator[Finding]:
    if settings.softphone.asterisk_ws is None:
        return
    for name in ("pjsip.conf", "http.conf"):
        if wrong := asterisk_files.problem(etc, name):
            yield Finding(
                "warning",
                f"not readable as Asterisk configuration: {wrong}",
                "run doctor as a user who may read it, or mend the file",
            )
    file = asterisk_files.parsed(etc, "pjsip.conf")
    if file is None or not file.has_category("switchboard-softphone"):
        yield Finding(
            "error",
            f"{etc}/pjsip.conf does not include {SOFTPHONES_FILE}: agents' phones cannot log in",
            "write it with `switchboard softphone-config`, and #include it there",
        )
        return
    yield Finding("ok", "pjsip.conf knows the softphones")
    yield from _transfers_in_the_house(file, etc)
    yield from _trunks_at_our_address(file)


def _transfers_in_the_house(file: asterisk_files.AsteriskFile, etc: Path) -> Iterator[Finding]:
    remedy = "take both files anew: `switchboard pbx-config` and `switchboard softphone-config`"
    set_to = file.values("switchboard-softphone", "set_var")
    if "TRANSFER_CONTEXT=switchboard-house" not in set_to:
        yield Finding(
            "warning",
            "softphones: by keys in a call agents transfer wherever their context leads, also to "
            "numbers that cost money",
            remedy,
        )
    dialplan = asterisk_files.parsed(etc, "extensions.conf")
    if set_to and not (dialplan and dialplan.has_category("switchboard-house")):
        yield Finding(
            "error",
            "dialplan lacks [switchboard-house]: softphones cannot transfer by themselves",
            remedy,
        )


def _trunks_at_our_address(file: asterisk_files.AsteriskFile) -> Iterator[Finding]:
    """We connect from this machine: by 127.0.0.1 where Asterisk is here too."""
    order = (file.values("global", "endpoint_identifier_order") or [_DEFAULT_ORDER])[-1]
    names = [word.strip() for word in order.split(",")]
    if "ip" in names and "username" in names and names.index("username") < names.index("ip"):
        return
    for category in file.categories:
        values = [(item.name, item.value.strip()) for item in category.items]
        if ("type", "identify") in values:
            matches = [value for name, value in values if name == "match"]
            if any(_has_loopback(part) for value in matches for part in value.split(",")):
                yield Finding(
                    "warning",
                    f"pjsip.conf [{category.name}] identifies whoever comes from 127.0.0.1: the "
                    "phone of an agent whom Asterisk does not know yet would count as that one",
                    "see `Phones in the browser` in docs/administrators.md",
                )


def _has_loopback(text: str) -> bool:
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return text.strip() == "localhost"
    return network.version == 4 and ipaddress.IPv4Address("127.0.0.1") in network


def _shakes_hands(address: SplitResult) -> str:
    """What is wrong with how it answers; nothing where it goes on as SIP over websocket."""
    host = address.hostname or ""
    if address.scheme == "wss":
        context = ssl.create_default_context()
        there: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, address.port or 443, timeout=_DEADLINE_S, context=context
        )
    else:
        there = http.client.HTTPConnection(host, address.port or 80, timeout=_DEADLINE_S)
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "sip",
    }
    path = address.path + (f"?{address.query}" if address.query else "")
    try:
        there.request("GET", path, headers=headers)
        answer = there.getresponse()
        if answer.status != http.HTTPStatus.SWITCHING_PROTOCOLS:
            return f"it answers {answer.status}, and no websocket"
        spoken = answer.getheader("Sec-WebSocket-Protocol")
        return "" if spoken == "sip" else "a websocket that does not speak SIP"
    finally:
        there.close()

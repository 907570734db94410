"""The Asterisk configuration to include: the shipped templates, filled in from the settings.

Every value lands in a file that Asterisk acts on, so each must match an allow-list; what does not
is refused by name and never quoted or escaped.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from importlib import resources

from ami_bridge import dialplan
from calls.errors import Misconfigured
from config.settings import Settings

#: Template file, then where it goes; the order in which `switchboard pbx-config` shows them.
FILES: dict[str, str] = {
    "switchboard_extensions.conf": "extensions.conf",
    "switchboard_manager.conf": "manager.conf",
    "switchboard_extconfig.conf": "extconfig.conf [settings]",
    "switchboard_curl.conf": "res_curl.conf [globals]",
    "switchboard_media_cache.conf": "res_http_media_cache.conf [general]",
    "switchboard_queues.conf": "queues.conf",
    "switchboard_musiconhold.conf": "musiconhold.conf",
}
#: The one that may hold the AMI user's secret.
SECRET_FILE = "switchboard_manager.conf"

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_WEB_URL = re.compile(r"https?://(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
_WEB_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_QUEUE = re.compile(r"[A-Za-z0-9_-]{1,40}")
_CONTEXT = re.compile(r"[A-Za-z0-9_-]{1,79}")
#: Without the characters that mean something in a .conf file (; \ > [ ] " and white space).
_SECRET = re.compile(r"[A-Za-z0-9._~+/=:@%^*?!-]{8,128}")
_PLACEHOLDER = re.compile(r"@([A-Z_]+)@")


class PbxConfigError(ValueError):
    """A setting cannot be written into Asterisk's configuration; the text says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How Asterisk reaches us and we reach it, where that differs from the settings: a server
    bound to every address (0.0.0.0) or in another container does not know its own name."""

    agi_host: str | None = None
    web_url: str | None = None
    #: The one address (or network) AMI log-ins may come from.
    ami_permit: str = "127.0.0.1/32"


def for_asterisk(settings: Settings, system: str | None) -> Settings:
    """The settings as if this Asterisk were that of `ami`; None: it is. Raises Misconfigured."""
    amis = settings.asterisks
    if system is None or system == settings.ami.system:
        return settings
    found = next((ami for ami in amis if ami.system == system), None)
    if found is None:
        names = ", ".join(ami.system for ami in amis)
        raise Misconfigured(f"there is no Asterisk {system!r} in the settings, but {names}")
    nodes = settings.nodes.model_copy(
        update={"asterisks": tuple(ami for ami in amis if ami is not found)}
    )
    return settings.model_copy(update={"ami": found, "nodes": nodes})


def render(
    settings: Settings, *, reach: Reach | None = None, secret: str | None = None
) -> dict[str, str]:
    """File name -> text, for each of FILES.

    Without `secret` the AMI user's line for it is left out, and Asterisk then refuses that user's
    log-in. Raises PbxConfigError where a value is not fit to stand in a configuration file.
    """
    reach = reach or Reach()
    queue = settings.rulebook.default_queue
    values = {
        "AGI_URL": f"agi://{_agi_address(settings, reach)}",
        "AGI_ASKED": _asked(settings, reach),
        "AGI_SYSTEM": (which := _which(settings)),
        "AGI_MORE": "".join(_one_more(address, which) for address in settings.agi.more),
        "WEB_URL": _web_url(settings, reach),
        "DEFAULT_QUEUE": _matching(_QUEUE, "rulebook.default_queue", queue),
        "AGENTS_CONTEXT": _matching(_CONTEXT, "softphone.context", settings.softphone.context),
        "AMI_USER": _matching(_NAME, "ami.username", settings.ami.username),
        "AMI_SECRET_LINE": _secret_line(secret),
        "AMI_PERMIT": _network(reach.ami_permit),
    }
    return {name: _fill(_template(name), values) for name in FILES}


def _template(name: str) -> str:
    return resources.files("deploy.asterisk").joinpath(name).read_text("utf-8")


def _fill(template: str, values: dict[str, str]) -> str:
    """One pass, so that a value is never itself searched for names."""
    return _PLACEHOLDER.sub(lambda found: values[found[1]], template)


def _matching(allowed: re.Pattern[str], setting: str, value: str) -> str:
    if not allowed.fullmatch(value):
        raise PbxConfigError(f"{setting} has a character or a length that Asterisk's files forbid")
    return value


def _secret_line(secret: str | None) -> str:
    if secret is None:
        return "; secret = (left out: as long as it is missing, nobody can log in as this user)"
    if not _SECRET.fullmatch(secret):
        raise PbxConfigError(
            "ami.secret must be 8 to 128 letters, digits or characters of ._~+/=:@%^*?!-"
        )
    return f"secret = {secret}"


def _reachable(setting: str, host: str) -> str:
    """`host` as it stands in a URL; an address to listen on is no address to call."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _matching(_HOST, setting, host)
    if address.is_unspecified:
        raise PbxConfigError(
            f"{setting} is {host}, every address: name the one by which Asterisk reaches it"
        )
    return f"[{address}]" if address.version == 6 else str(address)


def _agi_address(settings: Settings, reach: Reach) -> str:
    host = _reachable("agi.host", reach.agi_host or settings.agi.host)
    return f"{host}:{_fixed('agi.port', settings.agi.port)}"


def _which(settings: Settings) -> str:
    """How the servers know which Asterisk asks, where that could be one of several."""
    if not settings.nodes.asterisks:
        return ""
    return f"?{dialplan.ASKED_BY}={_matching(_NAME, 'ami.system', settings.ami.system)}"


def _asked(settings: Settings, reach: Reach) -> str:
    """Where one server alone is asked, nobody needs to know which."""
    if not settings.agi.more:
        return ""
    return f" same => n,Set({dialplan.SWB_ASKED}={_agi_address(settings, reach)})\n"


def _one_more(address: str, which: str) -> str:
    """Asked where those before it took no call: AGI() then says FAILURE at once (res_agi.c)."""
    host, _, port = address.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise PbxConfigError(f"agi.more: {address!r} is not HOST:PORT")
    asked = f"{_reachable('agi.more', host)}:{int(port)}"
    again = f"agi://{asked}/${{SWB_SCRIPT}}{which},${{CHANNEL(linkedid)}},${{ASTSPOOLDIR}}/monitor"
    where = ' same => n,ExecIf($["${AGISTATUS}" = "FAILURE"]?'
    return (
        f"{where}Set({dialplan.SWB_ASKED}={asked}))\n"
        f"{where}AGI({again},${{SWB_DIALLED}},${{SWB_ATTESTATION}}))\n"
    )


def _fixed(setting: str, port: int) -> int:
    if port == 0:
        raise PbxConfigError(f"{setting} is 0, any free port: Asterisk needs to know which")
    return port


def _web_url(settings: Settings, reach: Reach) -> str:
    url = reach.web_url or settings.web.public_url
    if url is None:
        port = _fixed("web.port", settings.web.port)
        return f"http://{_reachable('web.host', settings.web.host)}:{port}"
    url = url.rstrip("/")
    start = _WEB_URL.match(url)
    if not start or not _WEB_PATH.fullmatch(url, start.end()):
        raise PbxConfigError(
            "web.public_url must be http:// or https://, a host, perhaps a port and a plain path"
        )
    return url


def _network(text: str) -> str:
    """`text` with its netmask, as Asterisk's acl.c reads it."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise PbxConfigError("the AMI permit must be an address or a network") from error
    return network.with_netmask if network.version == 4 else str(network)

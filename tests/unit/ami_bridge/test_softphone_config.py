"""Asterisk's file of the softphones: every agent has one, and no name can smuggle anything in."""

from __future__ import annotations

import pytest

from ami_bridge.pbx_config import PbxConfigError
from ami_bridge.softphone_config import render_softphones
from calls.agents import Softphone
from config.settings import SoftphoneSettings

pytestmark = pytest.mark.unit

SECRET = "0123456789abcdef" * 3
SETTINGS = SoftphoneSettings(context="from-agents", domain="phones.example")


def lines(text: str) -> list[str]:
    """Without comments and blank lines."""
    return [line for raw in text.splitlines() if (line := raw.split(";")[0].strip())]


def test_each_agent_has_an_endpoint_an_aor_and_a_secret() -> None:
    written = lines(render_softphones([Softphone("anna", "Anna Berg", SECRET)], SETTINGS))
    assert written[-8:] == [
        "[anna](switchboard-softphone)",
        "aors = anna",
        "auth = anna",
        'callerid = "Anna Berg" <anna>',
        "[anna](switchboard-softphone-aor)",
        "[anna](switchboard-softphone-auth)",
        "username = anna",
        f"password = {SECRET}",
    ]
    assert "context = from-agents" in written
    assert "set_var = TRANSFER_CONTEXT=switchboard-house" in written
    assert "from_domain = phones.example" in written
    assert written.index("max_contacts = 1") + 1 == written.index("remove_existing = yes")
    assert not [line for line in written if "@" in line or "media_address" in line]


def test_sound_may_be_kept_to_one_address() -> None:
    written = lines(render_softphones([], SETTINGS, media_address="127.0.0.1"))
    assert {"media_address = 127.0.0.1", "bind_rtp_to_media_address = yes"} <= set(written)
    with pytest.raises(PbxConfigError, match="must be an IP address"):
        render_softphones([], SETTINGS, media_address="127.0.0.1\ncontext = trunks")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ('Eve" <112>\ncontext = trunks', '"Eve 112 context trunks"'),
        ("Eve;[trunk](!)${SHELL(id)}\\", '"Eve trunk SHELL id"'),
        ("陈晓 O'Neil-Ray", '"陈晓 O\'Neil-Ray"'),
        ("@CONTEXT@", '"CONTEXT"'),
    ],
)
def test_a_hostile_name_is_only_a_name(name: str, written: str) -> None:
    text = render_softphones([Softphone("eve", name, SECRET)], SETTINGS)
    [line] = [line for line in text.splitlines() if line.startswith("callerid")]
    assert line == f"callerid = {written} <eve>"
    assert text.count("\n[") == 6


@pytest.mark.parametrize(
    "phone",
    [
        Softphone("eve](trunk)\n[x", "Eve", SECRET),
        Softphone("eve", "Eve", f"{SECRET};"),
        Softphone("eve", "Eve", ""),
        Softphone("eve\n", "Eve", SECRET),
    ],
)
def test_what_asterisk_would_read_otherwise_is_refused(phone: Softphone) -> None:
    with pytest.raises(PbxConfigError) as refused:
        render_softphones([phone], SETTINGS)
    assert SECRET not in str(refused.value)


def test_a_secret_is_not_shown_by_accident() -> None:
    assert SECRET not in repr(Softphone("anna", "Anna", SECRET))

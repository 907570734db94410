"""http without TLS: within this machine and private networks, and refused with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from config.clear_text import may_be_clear
from config.settings import SpeechSettings
from config.webhook_settings import WebhookOut

pytestmark = pytest.mark.unit

NEAR = [
    "localhost",
    "LocalHost.",
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.7.7",
    "169.254.1.1",
    "::1",
    "[::1]",
    "fd00::7",
    "fe80::7",
    "::ffff:10.0.0.1",
]
FAR = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"]
NAMES = ["crm.example.com", "odoo", "2130706433", "127.1", "localhost.example.com"]


@pytest.mark.parametrize("names", [True, False])
def test_where_it_may_lead(names: bool) -> None:
    assert all(may_be_clear("http", host, names=names) for host in NEAR)
    assert not any(may_be_clear("http", host, names=names) for host in FAR)
    assert {may_be_clear("http", host, names=names) for host in NAMES} == {names}
    assert all(may_be_clear("https", host, names=names) for host in NEAR + FAR + NAMES)


def hook(url: str) -> WebhookOut:
    return WebhookOut(name="a", url=url, secret_file=Path("secret"))


@pytest.mark.parametrize("host", ["crm.example.com", "8.8.8.8", "10.0.0.1.example.com:8080"])
def test_a_webhook_of_the_settings_is_https(host: str) -> None:
    with pytest.raises(ValidationError, match="write https"):
        hook(f"http://{host}/told")
    assert hook(f"https://{host}/told").url == f"https://{host}/told"


def test_a_webhook_of_this_machine_or_a_private_network_may_be_http() -> None:
    for host in ("localhost:9000", "127.0.0.1", "192.168.7.7:8080"):
        assert hook(f"http://{host}/told").url == f"http://{host}/told"


def test_speech_is_not_sent_in_the_clear() -> None:
    with pytest.raises(ValidationError, match="write https"):
        SpeechSettings(http_url="http://8.8.8.8/v1")
    for url in ("http://tts:8000/v1", "http://127.0.0.1:9/v1", "https://8.8.8.8/v1", None):
        assert SpeechSettings(http_url=url).http_url == url

"""What the settings come to before anything is started."""

from __future__ import annotations

import pytest

from config.settings import Settings, WebSettings
from switchboard.ground import Ground

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("host", "public_url", "url"),
    [
        ("127.0.0.1", None, "http://127.0.0.1:8080"),
        ("0.0.0.0", None, "http://127.0.0.1:8080"),
        ("::", None, "http://[::1]:8080"),
        ("fd00::7", None, "http://[fd00::7]:8080"),
        ("0.0.0.0", "https://desk.example", "https://desk.example"),
    ],
)
def test_asterisk_is_given_an_address_that_can_be_called(
    host: str, public_url: str | None, url: str
) -> None:
    ground = Ground(Settings(web=WebSettings(host=host, public_url=public_url)))
    assert ground.web_url == url

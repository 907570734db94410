"""What is kept of a log-in over the provider that failed."""

from __future__ import annotations

import weakref

import pytest

from config.oidc_settings import OidcSettings
from screenpop.openid.failures import Failed, NotLetIn
from screenpop.openid.openid_log_ins import OpenIdLogIns

pytestmark = pytest.mark.unit


async def test_of_a_failure_its_code_and_a_name_are_kept() -> None:
    """The exception would keep its traceback, and with it whole requests."""
    settings = OidcSettings(issuer="https://id.example.com", client_id="switchboard")
    over = OpenIdLogIns(settings)
    failure = NotLetIn("nobody", "for the log", who="z" * 10_000)
    alive = weakref.ref(failure)
    over.remember("a browser", failure)
    del failure
    assert alive() is None
    assert over.failure_of("a browser") == Failed(code="nobody", who="z" * 100)

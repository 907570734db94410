"""Whatever is wrong with a CRM, an administrator is told where to look."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from calls.errors import Misconfigured, SwitchboardError
from config.settings import CrmName, Settings
from crm_adapter.adapter import (
    AuthFailed,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    Timeout,
    Unavailable,
)
from crm_adapter.advice import advice

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[3]
ERRORS = (AuthFailed, Forbidden, Invalid, NotFound, RateLimited, Timeout, Unavailable)


@pytest.mark.parametrize("crm", get_args(CrmName))
@pytest.mark.parametrize("error", ERRORS)
def test_every_trouble_has_a_place_to_look(crm: str, error: type[SwitchboardError]) -> None:
    words = advice(crm, error("something"))
    assert words
    for section, key in re.findall(r"\b([a-z]+)\.([a-z_]+)\b(?!/)", words):
        if key == "md":
            continue
        settings = Settings.model_fields[section].annotation
        assert settings is not None
        assert key in settings.model_fields
    for page in re.findall(r"docs/\S+\.md", words):
        assert (ROOT / page).is_file()


def test_what_says_it_all_itself_needs_no_more() -> None:
    assert advice("odoo", Misconfigured("set odoo.url")) is None


def test_who_we_are_is_named_by_the_settings() -> None:
    assert advice("tryton", AuthFailed("no")) == (
        "Look at tryton.username, tryton.password (or password_file), tryton.url, "
        "tryton.database: who we are there, and where."
    )

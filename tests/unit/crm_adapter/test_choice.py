"""What follows from the CRM that the settings name."""

from __future__ import annotations

from typing import Any

import pytest

from config.settings import Settings
from crm_adapter.adapters.choice import deliveries_at_once

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("given", "at_once"),
    [
        ({"crm": {"adapter": "embedded"}}, None),
        ({"crm": {"adapter": "espocrm"}}, 6),
        ({"crm": {"adapter": "odoo"}}, 4),
        ({"crm": {"adapter": "rest"}}, 3),
        ({"crm": {"adapter": "sql"}}, 3),
        ({"crm": {"adapter": "espocrm"}, "espocrm": {"concurrency": 1}}, 1),
        ({"crm": {"adapter": "espocrm"}, "espocrm": {"concurrency": 100}}, 24),
        ({"crm": {"adapter": "chain", "chain": ["odoo", "espocrm"]}}, 4),
    ],
)
def test_callers_questions_keep_connections(given: dict[str, Any], at_once: int | None) -> None:
    assert deliveries_at_once(Settings.model_validate(given)) == at_once

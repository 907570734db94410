"""A row may need what tests elsewhere are given."""

from __future__ import annotations

from tests.integration.crm_adapter.conftest import bus, clock, crm, records

__all__ = ["bus", "clock", "crm", "records"]

"""Which CRM: the adapter that the settings name."""

from __future__ import annotations

from calls.errors import Misconfigured
from config.settings import Settings
from crm_adapter.adapter import CrmAdapter
from crm_adapter.embedded.adapter import EmbeddedCrm
from crm_adapter.http.traces import Trace
from storage.database import Database


def names_of(settings: Settings) -> tuple[str, ...]:
    """Of the CRMs in use, the one that is written to first. Raises Misconfigured."""
    crm = settings.crm
    if crm.adapter != "chain":
        return (crm.adapter,)
    if not crm.chain:
        raise Misconfigured("crm.chain names no CRM: list those to ask, the main one first")
    if len(set(crm.chain)) != len(crm.chain):
        raise Misconfigured("crm.chain names one CRM twice")
    return crm.chain


def adapter_named(
    name: str, *, settings: Settings, database: Database, trace: Trace | None = None
) -> CrmAdapter:
    """Raises Misconfigured where its settings do not do."""
    match name:
        case "embedded":
            return EmbeddedCrm(database=database)
        case _:
            raise Misconfigured(f"there is no adapter for the CRM '{name}'")

"""Which CRM: the adapter that the settings name."""

from __future__ import annotations

from collections.abc import Callable

from calls.errors import Misconfigured
from config.settings import Settings
from crm_adapter.adapter import CrmAdapter
from crm_adapter.adapters.dynamics import DynamicsCrm
from crm_adapter.adapters.espocrm import EspoCrm
from crm_adapter.adapters.hubspot import HubSpotCrm
from crm_adapter.adapters.odoo import OdooCrm
from crm_adapter.adapters.pipedrive import PipedriveCrm
from crm_adapter.adapters.salesforce import SalesforceCrm
from crm_adapter.adapters.suitecrm import SuiteCrm
from crm_adapter.adapters.tryton import TrytonCrm
from crm_adapter.adapters.zoho import ZohoCrm
from crm_adapter.embedded.adapter import EmbeddedCrm
from crm_adapter.http.traces import Trace
from crm_adapter.rest.adapter import RestCrm
from crm_adapter.sql.adapter import SqlCrm
from storage.database import Database

#: By the name in the settings, which is also the name of its section.
_MADE: dict[str, Callable[..., CrmAdapter]] = {
    "sql": SqlCrm,
    "rest": RestCrm,
    "odoo": OdooCrm,
    "tryton": TrytonCrm,
    "espocrm": EspoCrm,
    "suitecrm": SuiteCrm,
    "hubspot": HubSpotCrm,
    "salesforce": SalesforceCrm,
    "zoho": ZohoCrm,
    "dynamics": DynamicsCrm,
    "pipedrive": PipedriveCrm,
}


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
    if name == "embedded":
        return EmbeddedCrm(database=database)
    made = _MADE.get(name)
    if made is None:
        raise Misconfigured(f"there is no adapter for the CRM '{name}'")
    return made(settings=getattr(settings, name), region=settings.crm.region, trace=trace)

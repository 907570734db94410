"""Which CRM: the adapter that the settings name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from pydantic import SecretStr
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

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
from crm_adapter.sql.statements import trace_statements
from storage.database import Database

_MOST_DELIVERIES = 24
#: Of a CRM whose settings do not say (a REST mapping's own default).
_USUAL_CONNECTIONS = 4
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
        if trace is not None:
            trace_statements(database.engine, trace)
        return EmbeddedCrm(database=database)
    made = _MADE.get(name)
    if made is None:
        raise Misconfigured(f"there is no adapter for the CRM '{name}'")
    return made(settings=getattr(settings, name), region=settings.crm.region, trace=trace)


def deliveries_at_once(settings: Settings) -> int | None:
    """How many records are told to the first CRM at the same time: of its connections a quarter is
    left to callers' questions, which would else stand behind them. None: it has no connections.
    Raises Misconfigured."""
    name = names_of(settings)[0]
    if name == "embedded":
        return None
    section = getattr(settings, name, None)
    connections = getattr(section, "concurrency", None) or getattr(section, "pool", None)
    return max(1, min(_MOST_DELIVERIES, (connections or _USUAL_CONNECTIONS) * 3 // 4))


def source_of(name: str, settings: Settings) -> str:
    """Tells one installation of a CRM from another: of all its settings but the secrets. 64
    characters."""
    if name == "embedded":
        return "embedded"
    section = getattr(settings, name)
    told = {
        key: _shown(value)
        for key, value in section
        if not key.endswith("_file") and key not in _NOT_TELLING
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


#: Changing these does not lead to other contacts.
_NOT_TELLING = ("concurrency", "connect_s", "pool", "statement_timeout_s", "api_version", "api")


def _shown(value: object) -> object:
    if not isinstance(value, SecretStr):
        return value
    try:
        # A database's address holds a password.
        return make_url(value.get_secret_value()).render_as_string(hide_password=True)
    except ArgumentError:
        return None

"""The hosted CRMs of whom no server can be had: each as a fake that speaks the documented wire."""

from __future__ import annotations

from tests.fakes.crm_server import CrmServer
from tests.fakes.espocrm_server import EspoCrmServer
from tests.fakes.hubspot_server import HubSpotServer
from tests.fakes.salesforce_server import SalesforceServer
from tests.fakes.suitecrm_server import SuiteCrmServer
from tests.fakes.zoho_server import ZohoServer

HOSTED: dict[str, type[CrmServer]] = {
    "espocrm": EspoCrmServer,
    "hubspot": HubSpotServer,
    "salesforce": SalesforceServer,
    "suitecrm": SuiteCrmServer,
    "zoho": ZohoServer,
}

#: Those whose log-in ends and is renewed.
WITH_TOKENS = sorted(name for name, server in HOSTED.items() if server.key_header is None)

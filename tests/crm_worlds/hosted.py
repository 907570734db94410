"""The hosted CRMs of whom no server can be had: each as a fake that speaks the documented wire."""

from __future__ import annotations

from tests.fakes.crm_server import CrmServer
from tests.fakes.dynamics_server import DynamicsServer
from tests.fakes.espocrm_server import EspoCrmServer
from tests.fakes.hubspot_server import HubSpotServer
from tests.fakes.pipedrive_server import PipedriveServer
from tests.fakes.salesforce_server import SalesforceServer
from tests.fakes.suitecrm_server import SuiteCrmServer
from tests.fakes.zoho_server import ZohoServer

HOSTED: dict[str, type[CrmServer]] = {
    "dynamics": DynamicsServer,
    "espocrm": EspoCrmServer,
    "hubspot": HubSpotServer,
    "pipedrive": PipedriveServer,
    "salesforce": SalesforceServer,
    "suitecrm": SuiteCrmServer,
    "zoho": ZohoServer,
}

#: Those that themselves refuse a second record with our key.
WITH_UNIQUE_KEYS = sorted(name for name, server in HOSTED.items() if server.unique_keys)
#: Those whose log-in ends and is renewed.
WITH_TOKENS = sorted(name for name, server in HOSTED.items() if server.key_header is None)

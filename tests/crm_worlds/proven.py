"""How each adapter was proven: what the README's table and the adapters' pages say.

`vendor models`: requests and answers are held to models that the vendor publishes. `documentation`:
to a fake of ours and to exchanges written from the vendor's documentation. Neither is a real
server.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Proven:
    how: str
    #: Of the API that was read.
    version: str
    #: Where a person reads on.
    page: str


PROVEN: dict[str, Proven] = {
    "dynamics": Proven("documentation", "Web API v9.2", "docs/crm/dynamics.md"),
    "espocrm": Proven("documentation", "REST API of 8.4", "docs/crm/espocrm.md"),
    "hubspot": Proven("vendor models", "CRM v3 objects, associations v4", "docs/crm/hubspot.md"),
    "pipedrive": Proven(
        "documentation", "API v2, and v1 for leads and call logs", "docs/crm/pipedrive.md"
    ),
    "salesforce": Proven("documentation", "REST API v62.0", "docs/crm/salesforce.md"),
    "suitecrm": Proven("documentation", "V8 API of 7.14", "docs/crm/suitecrm.md"),
    "zoho": Proven("documentation", "REST API v8", "docs/crm/zoho.md"),
}

"""How each CRM is reached: one section per adapter, read only where `crm.adapter` or `crm.chain`
names it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from config.section import Seconds, Section

Url = Annotated[
    str, StringConstraints(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$", max_length=500)
]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,80}$")]


class HttpCrm(Section):
    """What every CRM over HTTP has in common."""

    url: Url | None = None
    """Its address, up to before the API's own path; http only within this machine and private
    networks."""
    concurrency: int = Field(8, ge=1, le=100)
    """Requests under way at once."""
    connect_s: Seconds = 3.0
    """A connection that takes longer is given up, one lost packet (repeated after a second) being
    no reason; a caller waits no longer than the look-up's own deadline."""


class RestSettings(Section):
    mapping: Path | None = None
    """YAML file that says how the CRM is asked and its answers are read."""


class SqlSettings(Section):
    mapping: Path | None = None
    """YAML file that says which tables and columns hold contacts, history, leads and calls."""
    url: SecretStr = SecretStr("")
    """`postgresql://USER:PASSWORD@HOST/NAME` or `sqlite:///FILE`; a user who may only read, and
    insert leads and calls."""
    url_file: Path | None = None
    """A file that holds the address; wins over `url`."""
    statement_timeout_s: Seconds = 0.25
    """The database itself gives up a look-up after that long (PostgreSQL)."""
    pool: int = Field(5, ge=1, le=50)
    """Connections kept open."""


class OdooSettings(HttpCrm):
    concurrency: int = Field(6, ge=1, le=100)
    """Requests under way at once; Odoo without workers answers one after the other."""
    database: str = "odoo"
    """Name of the database."""
    username: str = "switchboard"
    """Login of the API user; asked for by Odoo 18 and before only."""
    key: SecretStr = SecretStr("")
    """The user's API key (Preferences, Account Security)."""
    key_file: Path | None = None
    """A file that holds the key; wins over `key`."""
    api: Annotated[str, StringConstraints(pattern=r"^(auto|json2|jsonrpc)$")] = "auto"
    """json2 (Odoo 19 and later), jsonrpc (18 and before), or auto: json2 where it answers."""
    lead_type: Literal["lead", "opportunity"] = "lead"
    """What is made of a new caller: a lead, or where the company works without leads an
    opportunity."""
    task_user: str = ""
    """Login of who gets the tasks of contacts without a salesperson; empty: our own user."""
    webhook_secret: SecretStr = SecretStr("")
    """Comes with Odoo's webhooks in the header X-Switchboard-Token; empty: none are believed."""
    webhook_secret_file: Path | None = None
    """A file that holds the secret; wins over `webhook_secret`."""


class TrytonSettings(HttpCrm):
    database: str = "tryton"
    """Name of the database."""
    username: str = "switchboard"
    """The user we log in as."""
    password: SecretStr = SecretStr("")
    """Its password."""
    password_file: Path | None = None
    """A file that holds the password; wins over `password`."""


class EspoCrmSettings(HttpCrm):
    key: SecretStr = SecretStr("")
    """Key of an API user."""
    key_file: Path | None = None
    """A file that holds the key; wins over `key`."""
    key_field: Name = "switchboardKey"
    """Custom text field (unique) of leads, calls and tasks that holds our key."""
    webhook_secret: SecretStr = SecretStr("")
    """Secret of its webhooks."""
    webhook_secret_file: Path | None = None
    """A file that holds the secret; wins over `webhook_secret`."""


class SuiteCrmSettings(HttpCrm):
    client_id: str = ""
    """Of an OAuth2 client (client credentials grant)."""
    client_secret: SecretStr = SecretStr("")
    """Its secret."""
    client_secret_file: Path | None = None
    """A file that holds the secret; wins over `client_secret`."""


class HubSpotSettings(HttpCrm):
    url: Url | None = "https://api.hubapi.com"
    """Its address; another only for tests."""
    token: SecretStr = SecretStr("")
    """Access token of a private app."""
    token_file: Path | None = None
    """A file that holds the token; wins over `token`."""
    client_secret: SecretStr = SecretStr("")
    """The app's secret: it signs webhooks."""
    client_secret_file: Path | None = None
    """A file that holds the secret; wins over `client_secret`."""
    webhook_url: Url | None = None
    """Where HubSpot sends its webhooks, just as it was told to HubSpot: it is signed too."""
    portal: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,20}$")] = ""
    """The account's number (Hub ID), for links to its records."""
    key_property: Name = "switchboard_key"
    """Custom property (has unique values) of contacts, calls and tasks that holds our key."""


class SalesforceSettings(HttpCrm):
    client_id: str = ""
    """Consumer key of a connected app with the client credentials flow."""
    client_secret: SecretStr = SecretStr("")
    """Its secret."""
    client_secret_file: Path | None = None
    """A file that holds the secret; wins over `client_secret`."""
    api_version: Annotated[str, StringConstraints(pattern=r"^v[0-9]{2,3}\.[0-9]$")] = "v62.0"
    """Version of the REST API."""
    phone_fields: tuple[Name, ...] = ("Phone", "MobilePhone", "HomePhone", "OtherPhone")
    """Fields of contacts that may hold a number; one with E.164 in it finds the surest."""
    key_field: Name = "Switchboard_Key__c"
    """Custom field (external id, unique) of leads and tasks that holds our key."""


class ZohoSettings(HttpCrm):
    url: Url | None = "https://www.zohoapis.com"
    """Its address, which differs by data centre (zohoapis.eu, zohoapis.in, ...)."""
    accounts_url: Url = "https://accounts.zoho.com"
    """Where tokens are had, in the same data centre."""
    client_id: str = ""
    """Of a self client."""
    client_secret: SecretStr = SecretStr("")
    """Its secret."""
    client_secret_file: Path | None = None
    """A file that holds the secret; wins over `client_secret`."""
    refresh_token: SecretStr = SecretStr("")
    """Its refresh token."""
    refresh_token_file: Path | None = None
    """A file that holds the token; wins over `refresh_token`."""
    webhook_token: SecretStr = SecretStr("")
    """What its notifications repeat: the `token` of the channel."""
    webhook_token_file: Path | None = None
    """A file that holds the token; wins over `webhook_token`."""
    key_field: Name = "Switchboard_Key"
    """Custom field (unique) of leads, calls and tasks that holds our key."""


class DynamicsSettings(HttpCrm):
    tenant: str = ""
    """Entra tenant id."""
    login_url: Url = "https://login.microsoftonline.com"
    """Where tokens are had."""
    client_id: str = ""
    """Of the app registration that is an application user."""
    client_secret: SecretStr = SecretStr("")
    """Its secret."""
    client_secret_file: Path | None = None
    """A file that holds the secret; wins over `client_secret`."""
    key_column: Name = "cr_switchboardkey"
    """Column of leads, phone calls and tasks that holds our key, with an alternate key on it."""


class PipedriveSettings(HttpCrm):
    url: Url | None = "https://api.pipedrive.com"
    """Its address, or that of the company (`https://COMPANY.pipedrive.com`)."""
    token: SecretStr = SecretStr("")
    """API token."""
    token_file: Path | None = None
    """A file that holds the token; wins over `token`."""
    key_field: Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9_]{1,80})?$")] = ""
    """Key (40 characters) of the custom field of deals, and so of leads, that holds our key."""
    webhook_user: str = "switchboard"
    """Name that its webhooks log in with."""
    webhook_password: SecretStr = SecretStr("")
    """Their password."""
    webhook_password_file: Path | None = None
    """A file that holds the password; wins over `webhook_password`."""

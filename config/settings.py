"""Settings: one frozen section per feature; defaults serve a centre on one machine.

Read by `config.settings_file`: `switchboard.yaml`, overridden by SWITCHBOARD_<SECTION>__<KEY>.
"""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from config.agent_settings import AgentSettings
from config.audit_settings import AuditSettings
from config.clear_text import REFUSED, may_be_clear
from config.crm_settings import (
    DynamicsSettings,
    EspoCrmSettings,
    HubSpotSettings,
    OdooSettings,
    PipedriveSettings,
    RestSettings,
    SalesforceSettings,
    SqlSettings,
    SuiteCrmSettings,
    TrytonSettings,
    ZohoSettings,
)
from config.dialling_settings import DiallingSettings
from config.networks import NetworkText
from config.oidc_settings import OidcSettings
from config.pop_settings import PopsSettings
from config.privacy_settings import PrivacySettings
from config.queue_settings import QueueSettings
from config.record_titles import TitleKind, TitleTemplate
from config.section import Seconds, Section
from config.watchdog_settings import WatchdogSettings
from config.webhook_settings import WebhookIn, WebhookOut

Port = Annotated[int, Field(ge=0, le=65535)]
CrmName = Literal[
    "embedded",
    "sql",
    "rest",
    "odoo",
    "tryton",
    "espocrm",
    "suitecrm",
    "hubspot",
    "salesforce",
    "zoho",
    "dynamics",
    "pipedrive",
]


class AgiSettings(Section):
    """Where Asterisk's `AGI(agi://…)` reaches us."""

    host: str = "127.0.0.1"
    """Address the FastAGI server binds. It can be every one (`0.0.0.0`) only where `ami.host`,
    `nodes.asterisks` or `web.asterisks` name an Asterisk of another machine."""
    port: Port = 4573
    """Its TCP port."""
    more: tuple[str, ...] = ()
    """Further FastAGI servers, HOST:PORT, that `pbx-config` has Asterisk ask in turn where this one
    takes no call."""
    header_deadline_s: Seconds = 5.0
    """A peer that has not sent its whole request by then is cut off."""
    max_sessions: int = Field(2000, ge=1)
    """Calls in dialogs at once; the dialplan's fallback serves those beyond."""
    backstop_s: Seconds = 60.0
    """A frozen server keeps a caller so long at most; then the dialplan takes them back. Half of
    it is the longest single sentence that can be played."""


class AmiSettings(Section):
    host: str = "127.0.0.1"
    """Address of Asterisk's manager interface."""
    port: Port = 5038
    """Its TCP port."""
    username: str = "switchboard"
    """The AMI user; `switchboard pbx-config` writes it with the rights needed."""
    secret: SecretStr = SecretStr("")
    """Its secret."""
    secret_file: Path | None = None
    """A file that holds the secret; wins over `secret`."""
    system: str = Field("pbx", pattern=r"^[A-Za-z0-9_.-]{1,40}$")
    """Our name for this Asterisk: the first half of every call id."""
    ping_every_s: Seconds = 3.0
    """How often a quiet connection is asked whether it lives."""
    ping_deadline_s: Seconds = 2.0
    """An unanswered ping breaks the connection after that long."""
    resync_every_s: Seconds = 60.0
    """How often the live view is compared with Asterisk's own."""


SecondFactorFor = Literal["off", "admins", "supervisors", "everybody"]


class WebSettings(Section):
    host: str = "127.0.0.1"
    """Address the web server binds: agent desktop, prompts, health."""
    port: Port = 8080
    """Its TCP port."""
    public_url: str | None = None
    """How Asterisk and browsers reach us, where that is not http://host:port."""
    allowed_origins: tuple[str, ...] = ()
    """Further origins that may open the agent websocket."""
    max_connections: int = Field(2048, ge=64)
    """Open at once; an eighth is kept for this machine, Asterisk and `web.watchers`, and one other
    address has half at most. Beyond that, connections on which nothing goes on are closed."""
    session_hours: int = Field(12, ge=1, le=168)
    """An agent's log-in lasts so long."""
    second_factor: SecondFactorFor = "off"
    """Who logs in with a code of an authenticator app besides a password: admins, supervisors
    (admins and auditors among them) or everybody. Who must and has none sets it up at the next
    log-in; who has one is always asked for it with a password, and never by the company's own
    log-in."""
    trusted_proxies: tuple[NetworkText, ...] = ()
    """Addresses and networks of your proxies, like `10.0.0.5` or `10.0.0.0/24`: their
    X-Forwarded-For says who asks. Where none is named, failed log-ins of all who come through one
    count together."""
    watchers: tuple[NetworkText, ...] = ()
    """Addresses or networks that may read `/metrics` and the details of `/readyz`, like
    `192.0.2.0/28`; this machine always may."""
    asterisks: tuple[NetworkText, ...] = ()
    """Addresses or networks from which Asterisk fetches sounds and queues and asks by AGI, besides
    this machine and `ami.host` (and those of `nodes.asterisks`); sounds and queues are for
    `nodes.trusted`, too."""

    @property
    def is_https(self) -> bool:
        """For browsers; then cookies are sent by https alone."""
        return (self.public_url or "").startswith("https:")

    @field_validator("trusted_proxies")
    @classmethod
    def _not_everybody(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            if ip_network(text).prefixlen == 0:
                raise ValueError(f"'{text}' is everybody: name your proxies alone")
        return value


class SoftphoneSettings(Section):
    """Agents' phones in the browser; none as long as `asterisk_ws` is not set."""

    asterisk_ws: str | None = Field(None, pattern=r"^wss?://[^\s/]+/\S*$")
    """Asterisk's SIP over websocket, like `ws://127.0.0.1:8088/ws`: agents then have a phone in the
    page. Browsers reach it through us alone."""
    domain: str = Field(
        "switchboard.invalid", pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,98}[A-Za-z0-9])?$"
    )
    """What stands after the @ of their SIP addresses; it need not exist."""
    context: str = Field("switchboard-agents", pattern=r"^[A-Za-z0-9_-]{1,79}$")
    """The context of your dialplan in which agents dial and transfer."""
    connect_deadline_s: Seconds = 3.0
    """How long Asterisk may take to accept a phone's connection."""


class StorageSettings(Section):
    url: str = "sqlite:///var/switchboard.db"
    """`sqlite:///FILE`, or `postgresql://USER:PASSWORD@HOST/NAME`."""


class RedisSettings(Section):
    url: str | None = None
    """Where Redis listens, for `switchboard run --part`; /readyz says whether it answers."""


class NodesSettings(Section):
    """Several processes as one centre, on one machine or on several: `switchboard run --part calls`
    as often as you like, `--part desk` on two machines. They share PostgreSQL and Redis."""

    desk_host: str = "127.0.0.1"
    """Address that the desk's process binds, for the others; not for browsers."""
    desk_port: Port = 8081
    """Its TCP port."""
    desk_url: str | None = Field(None, pattern=r"^https?://[^\s/]+$")
    """How the others reach it, where that is not http://desk_host:desk_port."""
    trusted: tuple[str, ...] = ("127.0.0.1", "::1")
    """Addresses of the machines whose word on who asked is believed."""
    lease_s: float = Field(3.0, ge=1, le=60)
    """A desk that did not say for so long that it lives is given up for dead."""
    asterisks: tuple[AmiSettings, ...] = ()
    """Asterisks besides the one of `ami`, of the same desk and asking the same `calls` processes: a
    list of `host`, `port`, `username`, `secret_file` and `system`, as there."""


class RulebookSettings(Section):
    """No path: the shipped example."""

    path: Path | None = None
    """Folder of YAML files; without it the shipped example is used."""
    watch: bool = True
    """Take changes of the folder while running; a bad one never replaces a good one."""
    watch_every_s: Seconds = 1.0
    """How often it is looked at."""
    state_dir: Path = Path("var/rulebooks")
    """Keeps a copy of every good version, for a restart while the folder is broken."""
    default_queue: str = Field("default", pattern=r"^[A-Za-z0-9_-]{1,40}$")
    """Queue of callers for whom nothing else was decided."""
    transfer_targets: tuple[str, ...] = ()
    """Names that `transfer` may use: extensions of the context `switchboard-targets`."""
    direct_dial: tuple[str, ...] = ()
    """Extensions that callers may dial in a menu with `direct_dial`, like `2XX` (X: any digit)."""
    webhook_hosts: tuple[str, ...] = ()
    """Hosts that webhooks may ask, like `api.example.com`; no other is ever asked."""
    webhook_secret: SecretStr = SecretStr("")
    """Signs every question to a webhook (HMAC-SHA256)."""
    webhook_secret_file: Path | None = None
    """A file that holds the secret; wins over `webhook_secret`."""
    control_share: float = Field(0.05, ge=0, le=0.5)
    """Share of known callers who always hear the static menu without offers, to compare with."""


EngineName = Literal["flite", "espeak", "piper", "http"]
LanguageKey = Annotated[str, Field(pattern=r"^([a-z]{2,3}|\*)$")]


class SpeechSettings(Section):
    cache_dir: Path = Path("var/prompts")
    """Folder of the rendered prompts."""
    cache_mb: int = Field(512, ge=1)
    """What the prompts may take on disk."""
    deadline_s: Seconds = 1.0
    """How long a caller waits for a sentence that is not rendered yet."""
    engines: dict[LanguageKey, EngineName] = {"en": "flite", "*": "espeak"}
    """Who speaks a language: flite, espeak, piper or http; `*` stands for every other language.
    What is not named here stays as it is by default; flite (English) and espeak stand in while
    piper or http cannot speak."""
    keep_warm: bool = True
    """Keep the libraries of flite and espeak-ng loaded in programs of their own."""
    flite: str = "flite"
    """Program that speaks English."""
    flite_voice: str = "slt"
    """Its voice."""
    espeak: str = "espeak-ng"
    """Program that speaks every other language."""
    piper: str = "piper"
    """The program Piper, for languages that `engines` gives to it."""
    piper_voices: dict[LanguageKey, Path] = {}
    """Its voice files (`NAME.onnx`, with `NAME.onnx.json` beside) by language."""
    http_url: str | None = Field(None, pattern=r"^https?://\S+$")
    """A speech endpoint that takes OpenAI's `POST /audio/speech`, up to before these words; http
    only within this machine and private networks. Every sentence is sent there, callers' names
    among them."""
    http_model: str = "tts-1"
    """The model it is asked for."""
    http_voices: dict[LanguageKey, str] = {"*": "alloy"}
    """Its voices by language."""
    http_speed: float = Field(1.0, ge=0.25, le=4)
    """How fast it speaks."""
    http_deadline_s: Seconds = 5.0
    """After that long an answer is given up; the caller is not kept waiting for it."""
    http_secret: SecretStr = SecretStr("")
    """Its bearer token."""
    http_secret_file: Path | None = None
    """A file that holds the token; wins over `http_secret`."""
    music: Path | None = None
    """Sound file for the hold programmes; a soft one of our own where none is named."""

    @field_validator("http_url")
    @classmethod
    def _not_in_the_clear(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "")
        if not may_be_clear(parts.scheme, parts.hostname or "", names=True):
            raise ValueError(REFUSED)
        return url

    @property
    def engine_names(self) -> dict[str, EngineName]:
        """`engines` over the defaults."""
        return {"en": "flite", "*": "espeak", **self.engines}

    @model_validator(mode="after")
    def _engines_can_speak(self) -> Self:
        for language, engine in self.engine_names.items():
            if engine == "http" and self.http_url is None:
                raise ValueError("speech.engines names http, but speech.http_url is not set")
            voices = {"piper": set(self.piper_voices), "http": set(self.http_voices)}.get(engine)
            if voices is not None and not voices & {language, "*"}:
                what = f"speech.{engine}_voices names no voice for {language}"
                raise ValueError(f"speech.engines gives {language} to {engine}, but {what}")
        return self


TierName = Literal["vip", "important", "ordinary", "no_value", "potential"]


class CrmSettings(Section):
    adapter: Literal[CrmName, "chain"] = "embedded"
    """Which CRM knows the callers: embedded, sql, rest, odoo, tryton, espocrm, suitecrm, hubspot,
    salesforce, zoho, dynamics, pipedrive; or chain, several of them."""
    chain: tuple[CrmName, ...] = ()
    """With `adapter: chain`: the CRMs asked for a caller, in this order; the first is written
    to."""
    lookup_deadline_s: Seconds = 0.3
    """How long the caller waits for a look-up."""
    answer_deadline_s: Seconds = 0.8
    """How long a caller who has typed something waits for what the CRM says to it; a PIN is checked
    for 2 s where this is less."""
    late_deadline_s: Seconds = 10.0
    """When an answer that a caller could not wait for stops being worth having: until then it
    still changes priority, hold programme and the agent's screen."""
    cache_s: float = Field(600, ge=0, le=86_400)
    """How long an answer of the CRM is good for the next call of that number; 0: not at all. Up to
    an hour it is used and asked anew, up to a day it stands in for a CRM that does not answer."""
    suffix_digits: int = Field(0, ge=0, le=10)
    """7 to 10: where nobody has the number, contacts whose number ends in so many same digits are
    shown for the agent to choose from; 0: they are not."""
    require_attestation: bool = False
    """Personal facts are spoken only to callers whose number a carrier vouches for (STIR/SHAKEN A
    or B); otherwise also where nothing is said of it."""
    index: bool = True
    """Keep a copy of who has which number, for CRMs that tell of changes: callers are recognised
    in a millisecond, and while the CRM is away."""
    index_every_s: Seconds = 60.0
    """How often the CRM is asked for changes; a webhook of its own is sooner."""
    index_copy_hour: int = Field(3, ge=0, le=23)
    """Hour (UTC) from which the nightly whole copy is made."""
    region: str = Field("US", pattern=r"^[A-Z]{2}$")
    """Country in whose format callers' numbers are read."""
    own_numbers: tuple[str, ...] = ()
    """E.164 numbers that are ours: no look-up and no lead."""
    lead_url: str | None = None
    """Address of a lead's page in the CRM, for its owner's desktop: `https://crm.example.com/{id}`."""
    task_url: str | None = None
    """The same of a task's, for the agent who planned it as a follow-up."""
    default_owner: str | None = None
    """Log-in of the agent whose a lead is where `owner` of the rulebook says `default`."""
    outbox_attempts_h: int = Field(72, ge=1)
    """Hours after which an undelivered record or lead is left for a person."""
    churn_task_tiers: tuple[TierName, ...] = ("vip", "important")
    """Contacts of these tiers who may be leaving make a task for their owner in the CRM; `[]`: no
    such tasks."""
    churn_task_days: int = Field(90, ge=1, le=3650)
    """Days in which one contact makes one such task at most."""
    churn_tasks_a_night: int = Field(50, ge=1, le=100_000)
    """So many such tasks are made in one night at most, of those who spent most in 12 months first;
    the others wait for the nights after, and need none when they buy."""
    webhooks_out: tuple[WebhookOut, ...] = ()
    """Systems that are told what happens: a list of `name`, `url`, `secret_file` and `events`
    (call.ended, lead.created, task.created). Signed, and sent again until it is taken."""
    webhooks_in: tuple[WebhookIn, ...] = ()
    """Systems that tell us of changes at `POST /hooks/crm/NAME`: a list of `name`, `secret_file`,
    `header` and how they sign."""
    record_outbound: bool = True
    """Calls that agents make to numbers outside are recorded too, also those nobody answers."""
    record_internal: bool = False
    """Calls that agents make to others in the house are recorded too."""
    titles: dict[TitleKind, TitleTemplate] = {}
    """Titles of call records in the CRM, by `inbound_answered`, `inbound_missed`,
    `inbound_voicemail`, `inbound_callback`, `inbound_transferred`, `outbound` or `internal`, in
    place of the English ones. `{caller}`, `{number}`, `{queue}`, `{agent}`, `{dialled}`, `{intent}`
    and `{outcome}` may stand in them."""


PolicyName = Literal["auto", "best_single", "thompson", "personal"]


class ScoringSettings(Section):
    deadline_s: Seconds = 0.05
    """How long the caller waits for segments."""
    nightly_at: str = Field("02:30", pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$")
    """Local time of the nightly work (`switchboard nightly`), like `02:30`; empty: never."""
    nightly_limit_h: float = Field(4.0, gt=0, le=20)
    """Hours after which the nightly work is stopped."""
    vip_capacity: float = Field(0.2, gt=0, le=1)
    """Largest share of contacts that may be VIP, whatever their value."""
    policy: PolicyName = "auto"
    """What chooses among the offers that a caller may hear: best_single, thompson or personal;
    auto is thompson until calls have shown that personal is better."""
    policy_by: Literal["tier", "lifecycle"] = "tier"
    """Callers for whom answers to offers are learned together."""
    explore: float = Field(0.1, gt=0, le=0.5)
    """Share of calls that try every offer alike, so that each can be judged and go on being
    learned; of thompson, which tries by itself, at most 0.05."""
    models_dir: Path = Path("var/models")
    """Folder of the trained models: every version, and which of each kind is used."""
    models_kept: int = Field(5, ge=1, le=1000)
    """Newest versions of each kind of model that the nightly work leaves; the one in use, the one
    before it and those that decided calls of the last 90 days stay, too."""
    horizon_days: int = Field(30, ge=1, le=365)
    """Days ahead that models look: who buys nothing in so long is lost."""
    promote: Literal["manual", "auto"] = "manual"
    """Whether `switchboard train` puts a model that passed its gate to use by itself (auto)."""


class SupervisorSettings(Section):
    """The supervisor page, at `/supervisor` of the web server."""

    service_level_s: Seconds = 20.0
    """A call answered within so many seconds of coming into its first queue counts as in time."""


class Settings(Section):
    agi: AgiSettings = AgiSettings()
    ami: AmiSettings = AmiSettings()
    web: WebSettings = WebSettings()
    oidc: OidcSettings = OidcSettings()
    agents: AgentSettings = AgentSettings()
    queues: QueueSettings = QueueSettings()
    softphone: SoftphoneSettings = SoftphoneSettings()
    dialling: DiallingSettings = DiallingSettings()
    storage: StorageSettings = StorageSettings()
    redis: RedisSettings = RedisSettings()
    nodes: NodesSettings = NodesSettings()
    rulebook: RulebookSettings = RulebookSettings()
    speech: SpeechSettings = SpeechSettings()
    crm: CrmSettings = CrmSettings()
    pops: PopsSettings = PopsSettings()
    sql: SqlSettings = SqlSettings()
    rest: RestSettings = RestSettings()
    odoo: OdooSettings = OdooSettings()
    tryton: TrytonSettings = TrytonSettings()
    espocrm: EspoCrmSettings = EspoCrmSettings()
    suitecrm: SuiteCrmSettings = SuiteCrmSettings()
    hubspot: HubSpotSettings = HubSpotSettings()
    salesforce: SalesforceSettings = SalesforceSettings()
    zoho: ZohoSettings = ZohoSettings()
    dynamics: DynamicsSettings = DynamicsSettings()
    pipedrive: PipedriveSettings = PipedriveSettings()
    scoring: ScoringSettings = ScoringSettings()
    supervisor: SupervisorSettings = SupervisorSettings()
    watchdog: WatchdogSettings = WatchdogSettings()
    privacy: PrivacySettings = PrivacySettings()
    audit: AuditSettings = AuditSettings()

    @property
    def asterisks(self) -> tuple[AmiSettings, ...]:
        """All of them, that of `ami` first."""
        return (self.ami, *self.nodes.asterisks)

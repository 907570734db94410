"""Settings: one frozen section per feature; defaults serve a centre on one machine.

Read by `config.settings_file`: `switchboard.yaml`, overridden by SWITCHBOARD_<SECTION>__<KEY>.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AgiSettings(Section):
    """Where Asterisk's `AGI(agi://…)` reaches us."""

    host: str = "127.0.0.1"
    port: Port = 4573
    #: A peer that has not sent its whole request by then is cut off.
    header_deadline_s: Seconds = 5.0
    max_sessions: int = Field(2000, ge=1)
    #: A frozen server keeps a caller so long at most; then the dialplan takes them back. Half of
    #: it is the longest single sentence that can be played.
    backstop_s: Seconds = 60.0


class AmiSettings(Section):
    host: str = "127.0.0.1"
    port: Port = 5038
    username: str = "switchboard"
    secret: SecretStr = SecretStr("")
    #: A file that holds the secret; wins over `secret`.
    secret_file: Path | None = None
    #: Our name for this Asterisk: the first half of every call id.
    system: str = Field("pbx", pattern=r"^[A-Za-z0-9_.-]{1,40}$")
    ping_every_s: Seconds = 3.0
    ping_deadline_s: Seconds = 2.0
    resync_every_s: Seconds = 60.0


class WebSettings(Section):
    host: str = "127.0.0.1"
    port: Port = 8080
    #: How Asterisk and browsers reach us, where that is not http://host:port.
    public_url: str | None = None
    #: Further origins that may open the agent websocket.
    allowed_origins: tuple[str, ...] = ()
    session_hours: int = Field(12, ge=1, le=168)


class StorageSettings(Section):
    url: str = "sqlite:///var/switchboard.db"


class RedisSettings(Section):
    url: str | None = None


class RulebookSettings(Section):
    """No path: the shipped example."""

    path: Path | None = None
    watch: bool = True
    watch_every_s: Seconds = 1.0
    #: Keeps a copy of every good version, for a restart while the folder is broken.
    state_dir: Path = Path("var/rulebooks")
    default_queue: str = Field("default", pattern=r"^[A-Za-z0-9_-]{1,40}$")


class SpeechSettings(Section):
    cache_dir: Path = Path("var/prompts")
    cache_mb: int = Field(512, ge=1)
    deadline_s: Seconds = 1.0
    #: Programs by language; any other language is spoken by espeak-ng.
    flite: str = "flite"
    flite_voice: str = "slt"
    espeak: str = "espeak-ng"
    music: Path | None = None


class CrmSettings(Section):
    adapter: Literal["embedded"] = "embedded"
    #: How long the caller waits for a look-up.
    lookup_deadline_s: Seconds = 0.3
    #: When a late answer stops being worth having at all.
    late_deadline_s: Seconds = 0.8
    region: str = Field("US", pattern=r"^[A-Z]{2}$")
    #: E.164 numbers that are ours: no look-up and no lead.
    own_numbers: tuple[str, ...] = ()
    outbox_attempts_h: int = Field(72, ge=1)


class ScoringSettings(Section):
    deadline_s: Seconds = 0.05
    #: Largest share of contacts that may be VIP, whatever their value.
    vip_capacity: float = Field(0.2, gt=0, le=1)


class PrivacySettings(Section):
    #: Numbers in the log keep their last two digits only.
    mask_numbers: bool = True


class Settings(Section):
    agi: AgiSettings = AgiSettings()
    ami: AmiSettings = AmiSettings()
    web: WebSettings = WebSettings()
    storage: StorageSettings = StorageSettings()
    redis: RedisSettings = RedisSettings()
    rulebook: RulebookSettings = RulebookSettings()
    speech: SpeechSettings = SpeechSettings()
    crm: CrmSettings = CrmSettings()
    scoring: ScoringSettings = ScoringSettings()
    privacy: PrivacySettings = PrivacySettings()

"""What an adapter makes of its settings before anything is asked."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

from calls.errors import Misconfigured
from crm_adapter.http.client import CrmHttp, HttpLimits
from crm_adapter.http.log_ins import LogIn
from crm_adapter.http.replies import Classify
from crm_adapter.http.traces import Trace

#: Of one answer, in bytes.
_MOST_BYTES = HttpLimits().most_bytes


class Cost(Protocol):
    """How much the CRM may be asked at once; part of every CRM's settings."""

    @property
    def concurrency(self) -> int: ...
    @property
    def connect_s(self) -> float: ...


class OAuthClient(Protocol):
    """Who we are to a CRM that gives tokens; part of its settings."""

    @property
    def client_id(self) -> str: ...
    @property
    def client_secret(self) -> SecretStr: ...
    @property
    def client_secret_file(self) -> Path | None: ...


def needed(value: str | None, key: str) -> str:
    """A setting that the CRM cannot do without."""
    if not value:
        raise Misconfigured(f"set {key}: without it the CRM cannot be asked")
    return value


def secret(value: SecretStr, file: Path | None, key: str) -> str:
    """From the file where one is named. Raises Misconfigured where it cannot be read."""
    if file is None:
        return value.get_secret_value()
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{key}_file cannot be read") from error


def needed_secret(value: SecretStr, file: Path | None, key: str) -> str:
    return needed(secret(value, file, key), key)


def needed_url(value: str | None, key: str) -> str:
    """Without a slash at its end."""
    return needed(value, key).rstrip("/")


def client_form(settings: OAuthClient, crm: str) -> dict[str, str]:
    """Of the form that a token is asked for with: whose it is."""
    key = f"{crm}.client_secret"
    return {
        "client_id": needed(settings.client_id, f"{crm}.client_id"),
        "client_secret": needed_secret(settings.client_secret, settings.client_secret_file, key),
    }


def http_of(
    crm: str,
    cost: Cost,
    *,
    base_url: str,
    log_in: LogIn,
    classify: Classify,
    trace: Trace | None,
    also: Collection[str] = (),
    most_bytes: int = _MOST_BYTES,
) -> CrmHttp:
    """The one way to `crm`."""
    limits = HttpLimits(
        connections=cost.concurrency, connect_s=cost.connect_s, most_bytes=most_bytes
    )
    return CrmHttp(
        crm=crm,
        base_url=base_url,
        log_in=log_in,
        limits=limits,
        classify=classify,
        also=also,
        trace=trace,
    )

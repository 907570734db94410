"""Posts what the outbox holds for one webhook: signed, with a deadline, to where the settings say
and nowhere else."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp
from pydantic import SecretStr
from sqlalchemy import bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection
from yarl import URL

from calls.signatures import signature
from config.public_addresses import careful_session, why
from crm_adapter import outbox
from crm_adapter.adapter import AuthFailed, Invalid, RateLimited, Unavailable
from crm_adapter.call_tables import outbox as outbox_table
from crm_adapter.payloads import UnreadablePayload
from storage.tables import UtcDateTime

SIGNATURE_HEADER = "Switchboard-Signature"
#: The same for every delivery of one event: receivers keep it and drop what they know.
ID_HEADER = "Switchboard-Id"
EVENT_HEADER = "Switchboard-Event"
DEADLINE_S = 10.0
#: Answers that say "never": whatever is sent again gets the same.
_REFUSED = (400, 409, 413, 415, 422)
_LONGEST_PAUSE_S = 3600.0
_SWEEP_EVERY = timedelta(minutes=1)
#: So many at a time, that is 720,000 a day; of the oldest, so that no more are looked at.
_SWEPT_AT_ONCE = 500
_OLDEST = (
    select(outbox_table.c.seq, outbox_table.c.finished_at)
    .where(outbox_table.c.lane == bindparam("of_lane"), outbox_table.c.state == "done")
    .order_by(outbox_table.c.seq)
    .limit(_SWEPT_AT_ONCE)
    .subquery()
)
_FORGET = delete(outbox_table).where(
    outbox_table.c.seq.in_(
        select(_OLDEST.c.seq).where(_OLDEST.c.finished_at < bindparam("before", type_=UtcDateTime))
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookTarget:
    """Where one system listens. `lane` is its own in the outbox."""

    name: str
    lane: str
    url: str
    secret_file: Path | None = None
    #: Where there is no file.
    secret: SecretStr | None = None
    #: The name of its host may lead into a private network.
    private_network: bool = False
    #: Entries that it took are forgotten after so long; None: never.
    kept_for: timedelta | None = None


class HookDelivery:
    """Implements `crm_adapter.outbox_worker.Delivery` for one webhook."""

    def __init__(self, target: HookTarget, *, now: Callable[[], float] = time.time) -> None:
        self._target = target
        self._now = now
        self._session: aiohttp.ClientSession | None = None
        self._swept: datetime | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, entry: outbox.ClaimedEntry) -> str:
        """The status that was answered. No redirect is followed."""
        body = json.dumps(entry.payload, ensure_ascii=False, separators=(",", ":")).encode()
        event = entry.payload.get("event")
        if not isinstance(event, str):
            raise UnreadablePayload("no event")
        secret = await asyncio.to_thread(self._secret)
        headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            ID_HEADER: entry.key,
            EVENT_HEADER: event,
            SIGNATURE_HEADER: signature(secret, int(self._now()), body),
        }
        if self._session is None:
            self._session = careful_session(private=self._target.private_network)
        name = self._target.name
        try:
            async with (
                asyncio.timeout(DEADLINE_S),
                self._session.post(
                    URL(self._target.url, encoded=True),
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                ) as response,
            ):
                return self._judged(response)
        except TimeoutError as error:
            raise Unavailable(f"webhook {name} did not answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"webhook {name}: {why(error)}") from error

    def _judged(self, response: aiohttp.ClientResponse) -> str:
        status = response.status
        told = f"webhook {self._target.name} answered {status}"
        if 200 <= status < 300:
            return str(status)
        if status in _REFUSED:
            raise Invalid(told)
        if status in (401, 403):
            raise AuthFailed(told)
        if status == 429:
            raise RateLimited(told, after_s=_seconds(response.headers.get("Retry-After", "")))
        if 300 <= status < 400:
            raise Unavailable(f"{told}: redirects are not followed, name its new address")
        raise Unavailable(told)

    def _secret(self) -> bytes:
        """Read for each delivery, as it may be changed while we run."""
        target = self._target
        if target.secret_file is None:
            return target.secret.get_secret_value().encode() if target.secret else b""
        try:
            secret = target.secret_file.read_bytes().strip()
        except OSError as error:
            raise AuthFailed(f"webhook {target.name}: its secret_file cannot be read") from error
        if not secret:
            raise AuthFailed(f"webhook {target.name}: its secret_file is empty")
        return secret

    async def keep(
        self, connection: AsyncConnection, entry: outbox.ClaimedEntry, result: str, at: datetime
    ) -> None:
        """Nothing follows from it; now and then the oldest of what was delivered long ago is
        forgotten."""
        kept_for = self._target.kept_for
        if kept_for is not None and self._may_sweep(at):
            await connection.execute(
                _FORGET, {"of_lane": self._target.lane, "before": at - kept_for}
            )

    def tell(self, entry: outbox.ClaimedEntry, result: str, at: datetime) -> None:
        """Nobody waits for it."""
        if self._may_sweep(at):
            self._swept = at

    def _may_sweep(self, at: datetime) -> bool:
        return self._swept is None or at >= self._swept + _SWEEP_EVERY


def _seconds(text: str) -> float | None:
    return min(float(text), _LONGEST_PAUSE_S) if text.isascii() and text.isdigit() else None

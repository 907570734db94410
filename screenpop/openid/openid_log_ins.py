"""Log-ins on their way over the provider: begun in one browser, ended in the same, once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from config.oidc_settings import OidcSettings
from screenpop.openid.failures import Failed, NotLetIn
from screenpop.openid.id_tokens import UnknownKey, checked
from screenpop.openid.provider import Provider

LIFE_S = 600.0
MAX_BEGUN = 5_000
_MAX_TEXT = 4_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Begun:
    """`browser` is the cookie's value, `address` where the browser goes."""

    browser: str
    address: str


@dataclass(frozen=True, slots=True)
class _Pending:
    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    page: str
    until: float


class OpenIdLogIns:
    def __init__(
        self,
        settings: OidcSettings,
        *,
        provider: Provider | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._provider = provider or Provider(settings)
        self._clock = clock
        self._now = now
        self._pending: OrderedDict[str, _Pending] = OrderedDict()
        self._failed: OrderedDict[str, Failed] = OrderedDict()

    async def close(self) -> None:
        await self._provider.close()

    async def begin(self, *, redirect_uri: str, page: str) -> Begun:
        """`page`: where the browser goes in the end (`page_of`)."""
        metadata = await self._provider.metadata()
        browser = secrets.token_urlsafe(32)
        pending = _Pending(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            redirect_uri=redirect_uri,
            page=page,
            until=self._clock() + LIFE_S,
        )
        _keep(self._pending, browser, pending)
        challenge = hashlib.sha256(pending.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self._settings.scopes),
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        to = metadata.authorization_endpoint
        return Begun(browser, f"{to}{'&' if '?' in to else '?'}{urlencode(asked)}")

    def page_of(self, browser: str) -> str:
        pending = self._pending.get(browser)
        return pending.page if pending is not None else "/"

    async def end(self, browser: str, told: Mapping[str, str]) -> str:
        """The login of whom the provider vouches for; whether anybody here has it is not asked.
        Raises NotLetIn."""
        pending = self._pending.pop(browser, None)
        if pending is None or self._clock() >= pending.until:
            raise NotLetIn("stale", "openid: no log-in was begun in this browser, or long ago")
        if not hmac.compare_digest(told.get("state", "").encode(), pending.state.encode()):
            raise NotLetIn("stale", "openid: the answer is of another browser (state)")
        # RFC 9207: an answer of another provider is not taken for one of ours.
        if told.get("iss", self._settings.issuer) != self._settings.issuer:
            raise NotLetIn("untrusted", "openid: the answer is of another provider (iss)")
        code = told.get("code", "")
        if not 0 < len(code) <= _MAX_TEXT:
            raise NotLetIn("refused", f"openid: no code, but {told.get('error', '')[:80]!r}")
        token = await self._provider.id_token(
            code, verifier=pending.verifier, redirect_uri=pending.redirect_uri
        )
        return self._login_of(await self._checked(token, pending.nonce))

    async def _checked(self, token: str, nonce: str) -> Mapping[str, Any]:
        for anew in (False, True):
            keys = await self._provider.keys(anew=anew)
            try:
                return checked(
                    token,
                    keys,
                    issuer=self._settings.issuer or "",
                    client_id=self._settings.client_id,
                    nonce=nonce,
                    now=int(self._now()),
                )
            except UnknownKey:
                continue
        raise NotLetIn("untrusted", "openid: the ID token is signed by a key of nobody")

    def _login_of(self, claims: Mapping[str, Any]) -> str:
        said = claims.get(self._settings.claim)
        if not isinstance(said, str) or not said:
            named = self._settings.claim
            raise NotLetIn("untrusted", f"openid: the ID token has no claim {named!r}")
        if self._settings.claim != "email":
            return said
        if claims.get("email_verified") is not True:
            raise NotLetIn("unverified", "openid: the provider did not verify the address")
        # Letters of other scripts may become ours by `lower`: such an address is somebody else's.
        login, _, domain = said.lower().rpartition("@") if said.isascii() else (said, "", "")
        if domain != (self._settings.email_domain or "").lower():
            raise NotLetIn("nobody", "openid: the address is of another domain", who=said)
        return login

    def remember(self, browser: str, failure: NotLetIn) -> None:
        _keep(self._failed, browser, failure.told())

    def failure_of(self, browser: str) -> Failed | None:
        """Told once."""
        return self._failed.pop(browser, None)


def _keep(kept: OrderedDict[str, T], key: str, value: T) -> None:
    kept[key] = value
    if len(kept) > MAX_BEGUN:
        kept.popitem(last=False)

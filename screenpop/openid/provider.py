"""What we ask a provider: where it is asked for what, its keys, and the token for a code.

Its answers are bounded in time and size; no redirect is followed. It may stand in a private
network, as many do: the administrator names it, and whoever it names is let in anyway.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any
from urllib.parse import quote

import aiohttp
from joserfc.jwk import KeySet
from pydantic import BaseModel, StringConstraints, ValidationError

from calls.bodies import PIECE, TooLong, whole
from config.oidc_settings import OidcSettings
from config.public_addresses import careful_session, why
from screenpop.openid.failures import NotLetIn
from screenpop.openid.id_tokens import keys_of

MAX_ANSWER = 256 * 1024
#: How long its addresses and keys are believed.
KEPT_S = 3600.0
#: Keys that are not known yet are asked for no more often than this.
ANEW_S = 60.0

_Endpoint = Annotated[str, StringConstraints(pattern=r"^https?://[^\s#@]+$", max_length=2_000)]


class Metadata(BaseModel):
    issuer: str
    authorization_endpoint: _Endpoint
    token_endpoint: _Endpoint
    jwks_uri: _Endpoint
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Provider:
    """Raises NotLetIn `away` where it cannot be asked, and `refused` where it takes no code."""

    def __init__(
        self, settings: OidcSettings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._issuer = settings.issuer or ""
        self._clock = clock
        self._http: aiohttp.ClientSession | None = None
        self._metadata: tuple[Metadata, float] | None = None
        self._keys: tuple[KeySet, float] | None = None
        self._asking = asyncio.Lock()

    async def close(self) -> None:
        http, self._http = self._http, None
        if http is not None:
            await http.close()

    async def metadata(self) -> Metadata:
        async with self._in_turn():
            return await self._known_metadata()

    async def keys(self, *, anew: bool = False) -> KeySet:
        """`anew`: those of before lack one."""
        async with self._in_turn():
            now = self._clock()
            if self._keys is None or now - self._keys[1] >= (ANEW_S if anew else KEPT_S):
                address = (await self._known_metadata()).jwks_uri
                self._keys = (keys_of(await self._answer("GET", address)), now)
            return self._keys[0]

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[None]:
        """What many want is asked once; whoever waits for it has the same deadline."""
        try:
            async with asyncio.timeout(self._settings.deadline_s), self._asking:
                yield
        except TimeoutError as error:
            raise NotLetIn("away", "openid: the provider did not answer in time") from error

    async def id_token(self, code: str, *, verifier: str, redirect_uri: str) -> str:
        metadata = await self.metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers = self._identified(form, metadata.token_endpoint_auth_methods_supported)
        told = await self._answer("POST", metadata.token_endpoint, form=form, headers=headers)
        token = told.get("id_token") if isinstance(told, dict) else None
        if not isinstance(token, str):
            raise NotLetIn("untrusted", "openid: the provider's answer has no ID token")
        return token

    def _identified(self, form: dict[str, str], methods: tuple[str, ...]) -> dict[str, str]:
        """Who we are, in a header or in the form (RFC 6749, 2.3.1)."""
        ours, secret = self._settings.client_id, self._settings.client_secret.get_secret_value()
        if secret and "client_secret_basic" in methods:
            pair = f"{quote(ours, safe='')}:{quote(secret, safe='')}"
            return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        form["client_id"] = ours
        if secret:
            form["client_secret"] = secret
        return {}

    async def _known_metadata(self) -> Metadata:
        now = self._clock()
        if self._metadata is None or now - self._metadata[1] >= KEPT_S:
            at = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
            self._metadata = (self._believed(await self._answer("GET", at)), now)
        return self._metadata[0]

    def _believed(self, told: Any) -> Metadata:
        try:
            metadata = Metadata.model_validate(told)
        except ValidationError as error:
            raise NotLetIn("away", "openid: the provider does not tell its addresses") from error
        if metadata.issuer != self._issuer:
            named = f"it calls itself {metadata.issuer[:200]!r}"
            raise NotLetIn("away", f"openid: oidc.issuer is not what {named}")
        if self._issuer.startswith("https:"):
            asked = (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri)
            if not all(one.startswith("https:") for one in asked):
                raise NotLetIn("away", "openid: the provider names addresses without https")
        return metadata

    async def _answer(
        self,
        method: str,
        address: str,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        if self._http is None:
            self._http = careful_session(private=True)
        told = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
        try:
            async with (
                asyncio.timeout(self._settings.deadline_s),
                self._http.request(
                    method, address, data=form, headers=told, allow_redirects=False
                ) as answer,
            ):
                body = await whole(answer.content.iter_chunked(PIECE), MAX_ANSWER)
        except TooLong as error:
            raise NotLetIn("away", f"openid: the provider answered {error}") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            kind = why(error) if isinstance(error, aiohttp.ClientError | OSError) else "no answer"
            raise NotLetIn("away", f"openid: the provider cannot be asked ({kind})") from error
        if form is not None and answer.status in (400, 401):
            raise NotLetIn("refused", f"openid: the provider takes no code: {_error_of(body)}")
        if answer.status != 200:
            raise NotLetIn("away", f"openid: the provider answered {answer.status}")
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise NotLetIn("away", "openid: the provider's answer is no JSON") from error


def _error_of(body: bytes) -> str:
    """Its code alone; what else it says may be about a person."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return "no reason"
    return repr(told.get("error"))[:80] if isinstance(told, dict) else "no reason"

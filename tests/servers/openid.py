"""A small OpenID provider over real HTTP: it asks nobody for a password, signs with real keys, and
lies as it is told."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

CLIENT, SECRET = "switchboard", "a secret: with/odd signs"
Claims = dict[str, Any]


@dataclass
class OpenIdProvider:
    issuer: str = ""
    #: Who logs in there.
    person: Claims = field(default_factory=lambda: {"preferred_username": "anna"})
    key: RSAKey | ECKey = field(
        default_factory=lambda: ECKey.generate_key("P-256", {"kid": "first", "use": "sig"})
    )
    alg: str = "ES256"
    #: What the claims become before they are signed, and how they are signed.
    change: Callable[[Claims], Claims] = lambda claims: claims
    sign: Callable[[OpenIdProvider, Claims], str] = lambda self, claims: self.signed(claims)
    #: By code: what was asked with it.
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    key_questions: int = 0
    discoveries: int = 0
    #: Until when discovery has no answer.
    silent_until: asyncio.Event | None = None
    #: Of discovery, what is said otherwise.
    says: Claims = field(default_factory=dict)
    #: Whether its answers come in two pieces.
    in_pieces: bool = False

    def signed(self, claims: Claims) -> str:
        return jwt.encode({"alg": self.alg, "kid": self.key.kid}, claims, self.key, [self.alg])

    async def _answer(self, request: web.Request, told: Claims) -> web.StreamResponse:
        if not self.in_pieces:
            return web.json_response(told)
        body = json.dumps(told).encode()
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(body[:20])
        # Whoever reads in this loop has the first piece once this has gone there and back.
        at = urlsplit(self.issuer)
        _, back = await asyncio.open_connection(at.hostname, at.port)
        back.close()
        await back.wait_closed()
        await answer.write(body[20:])
        return answer

    async def discovery(self, request: web.Request) -> web.StreamResponse:
        self.discoveries += 1
        if self.silent_until is not None:
            await self.silent_until.wait()
        told = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize?tenant=1",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        return await self._answer(request, told | self.says)

    async def keys(self, request: web.Request) -> web.StreamResponse:
        self.key_questions += 1
        public = KeySet([self.key]).as_dict()
        # Of a kind that nobody here knows.
        return await self._answer(
            request, {"keys": [{"kty": "AKP", "kid": "new"}, *public["keys"]]}
        )

    async def authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        back = f"{asked['redirect_uri']}?code={code}&state={asked['state']}"
        raise web.HTTPFound(f"{back}&iss={self.issuer}")

    async def token(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        shown = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        asked = self.codes.pop(str(form["code"]), None)
        challenge = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        if (
            asked is None
            or shown != f"{CLIENT}:a%20secret%3A%20with%2Fodd%20signs"
            or form["redirect_uri"] != asked["redirect_uri"]
            or base64.urlsafe_b64encode(challenge).decode().rstrip("=") != asked["code_challenge"]
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "u-17",
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.person,
        }
        token = self.sign(self, self.change(claims))
        told = {"access_token": "x", "token_type": "Bearer", "id_token": token}
        return await self._answer(request, told)


def unsigned(_provider: OpenIdProvider, claims: Claims) -> str:
    return f"{_part({'alg': 'none', 'kid': 'first'})}.{_part(claims)}."


def by_the_public_key(provider: OpenIdProvider, claims: Claims) -> str:
    """HS256, for whose secret a careless reader takes the key that everybody knows."""
    said = f"{_part({'alg': 'HS256', 'kid': provider.key.kid})}.{_part(claims)}"
    secret = provider.key.as_pem(private=False)
    return f"{said}.{_text(hmac.new(secret, said.encode(), hashlib.sha256).digest())}"


def by_another_key(provider: OpenIdProvider, claims: Claims) -> str:
    """Of the same name."""
    other = ECKey.generate_key("P-256", {"kid": provider.key.kid})
    return jwt.encode({"alg": "ES256", "kid": other.kid}, claims, other, ["ES256"])


def _part(value: Claims) -> str:
    return _text(json.dumps(value).encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@asynccontextmanager
async def openid_provider() -> AsyncIterator[OpenIdProvider]:
    provider = OpenIdProvider()
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", provider.discovery)
    app.router.add_get("/keys", provider.keys)
    app.router.add_get("/authorize", provider.authorize)
    app.router.add_post("/token", provider.token)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    provider.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield provider
    finally:
        await runner.cleanup()
